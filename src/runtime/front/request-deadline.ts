import { monotonicMs } from "../channel/monotonic-ms.ts";

/** Node fires timers beyond this at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
/** What a double counts exactly; longer than anybody waits. */
export const MOST_TIMEOUT_MS = Number.MAX_SAFE_INTEGER;

/** Milliseconds of `x-request-timeout-ms`: NaN without one, null for what is no whole number from 1 up. */
export function askedTimeout(header: string | string[] | undefined): number | null {
  if (header === undefined) return Number.NaN;
  const text = String(header);
  const ms = /^\d{1,16}$/.test(text) ? Number(text) : 0;
  return ms >= 1 && ms <= MOST_TIMEOUT_MS ? ms : null;
}

/** On the machine's monotonic clock; 0 for none. */
export function deadlineOf(askedMs: number, timeoutSeconds: number | null): number {
  const limits = [askedMs, (timeoutSeconds ?? Number.NaN) * 1000].filter(
    (ms) => Number.isFinite(ms) && ms > 0,
  );
  return limits.length === 0 ? 0 : monotonicMs() + Math.min(LONGEST_TIMER_MS, ...limits);
}
