import type { Timings } from "../channel/response-frame.ts";

/** What is known of a request once it is over, for the log and the metrics. */
export interface RequestDone {
  id: string;
  /** Route template. */
  route: string;
  method: string;
  path: string;
  status: number;
  /** Our error code, empty for none. */
  code: string;
  ms: number;
  queueMs: number;
  bytes: number;
  /** What the caller sent, empty for nothing. */
  traceparent: string;
  /** Milliseconds in user code. */
  timings: Timings;
}

export const NO_TIMINGS: Timings = { preprocess: 0, predict: 0, postprocess: 0 };
