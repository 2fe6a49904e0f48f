/** Records of the model process begin with this on its stderr; see model/log.ts. */
const RECORD = "\u001e";

/** Is the line a log record that the model process wrote? Native code may print anything, a separator included. */
export function isRecord(line: string): boolean {
  return line.startsWith(`${RECORD}{"time":`) && line.endsWith("}");
}

/** The JSON text of such a line. */
export function recordJson(line: string): string {
  return line.slice(RECORD.length);
}
