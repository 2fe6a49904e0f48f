/** The place of the uppermost frame of a stack in the user's own files. */
export function firstPlace(stack: string): { file: string; line: number; column: number } | undefined {
  const match = /\(?([^\s()]+\.[cm]?[jt]sx?):(\d+):(\d+)\)?/.exec(stack);
  if (match === null || match[1] === undefined || match[1].startsWith("file:")) return undefined;
  return { file: match[1], line: Number(match[2]), column: Number(match[3]) };
}
