import { kernelKilledForMemory } from "./kernel-oom.ts";
import { isRecord } from "./model-record.ts";

/** Why a model process ended, in words that fit a metric's label and a log line. */
export function describeExit(
  code: number | null,
  signal: NodeJS.Signals | null,
  lastLines: string[],
): string {
  // V8 and C++ abort when memory ends; what user code itself has logged of memory says nothing.
  const aborted = signal !== null && signal !== "SIGKILL" && signal !== "SIGTERM";
  const outOfHeap = lastLines.some(
    (line) => !isRecord(line) && /heap out of memory|Allocation failed|bad_alloc/i.test(line),
  );
  if (aborted && outOfHeap) return "out-of-memory";
  if (signal === "SIGKILL" && kernelKilledForMemory()) return "out-of-memory";
  return signal ?? `exit-code-${code}`;
}
