const [seconds, nanos] = process.hrtime();
const OFFSET = seconds * 1000 + nanos / 1e6 - performance.now();

/** The machine's monotonic clock in ms: the same in every process, unlike performance.now(). */
export function monotonicMs(): number {
  return performance.now() + OFFSET;
}
