import { writeSync } from "node:fs";
import { requestScope } from "./request-scope.ts";

/**
 * Log records go to stderr, each on a line that starts with a record separator; the front tells them by it
 * from what native code prints. The write is synchronous: what was logged before a crash is there after it,
 * and a model that prints without end waits for the front instead of filling memory.
 */
const RECORD = "\u001e";
/** The front cuts longer lines (front/line-splitter.ts), and half a record is none. */
const MAX_RECORD_CHARS = 60_000;
/** What is left of a text that is too long; JSON may need six characters for one. */
const SHORTENED_CHARS = 4_000;

/** Of a batch, in one record. */
const MAX_REQUEST_IDS = 100;

export type Level = "debug" | "info" | "warn" | "error";

export function log(level: Level, message: string, fields?: Record<string, unknown>): void {
  const scope = requestScope.getStore();
  const record = {
    time: new Date().toISOString(),
    level,
    message,
    ...(scope === undefined || scope.requestId === "" ? {} : { request_id: scope.requestId }),
    ...(scope?.requestIds === undefined ? {} : { request_ids: scope.requestIds.slice(0, MAX_REQUEST_IDS) }),
    ...(scope === undefined || scope.traceId === "" ? {} : { trace_id: scope.traceId }),
    ...(scope?.span === undefined ? {} : { span_id: scope.span.spanId }),
    ...fields,
  };
  const json = JSON.stringify(record);
  writeLine(`${RECORD}${json.length <= MAX_RECORD_CHARS ? json : shortened(record)}\n`);
}

/** The first fields are the record's own; of user code's, as many as there is room for. */
function shortened(record: Record<string, unknown>): string {
  const fields: string[] = [];
  let room = MAX_RECORD_CHARS;
  for (const [key, value] of Object.entries(record)) {
    const isLong = typeof value === "string" && value.length > SHORTENED_CHARS;
    const kept = isLong ? `${value.slice(0, SHORTENED_CHARS)}… (${value.length} characters)` : value;
    const json = JSON.stringify(kept);
    if (json === undefined || json.length + key.length > room) continue;
    room -= json.length + key.length + 4;
    fields.push(`${JSON.stringify(key)}:${json}`);
  }
  return `{${fields.join(",")}}`;
}

function writeLine(line: string): void {
  let rest = Buffer.from(line);
  while (rest.byteLength > 0) {
    try {
      rest = rest.subarray(writeSync(2, rest));
    } catch (error) {
      // The pipe is full for the moment; the front empties it.
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") return;
    }
  }
}
