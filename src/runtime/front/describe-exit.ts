/** Why a model process ended, in words that fit a metric's label and a log line. */
export function describeExit(
  code: number | null,
  signal: NodeJS.Signals | null,
  lastLines: string[],
): string {
  const outOfHeap = lastLines.some((line) => /heap out of memory|Allocation failed|bad_alloc/i.test(line));
  if (outOfHeap) return "out-of-memory";
  if (signal === "SIGKILL") return "SIGKILL";
  return signal ?? `exit-code-${code}`;
}
