import type { IncomingMessage } from "node:http";
import { monotonicMs } from "../channel/monotonic-ms.ts";

/** Node fires timers beyond this at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The point in time at which nobody waits for the answer any more, as the client and the config say; 0 where there is none. */
export function deadlineOf(req: IncomingMessage, timeoutSeconds: number | null): number {
  const asked = Number(req.headers["x-request-timeout-ms"] ?? Number.NaN);
  const limits = [asked, (timeoutSeconds ?? Number.NaN) * 1000].filter((ms) => Number.isFinite(ms) && ms > 0);
  return limits.length === 0 ? 0 : monotonicMs() + Math.min(LONGEST_TIMER_MS, ...limits);
}
