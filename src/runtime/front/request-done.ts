import type { IncomingHttpHeaders } from "node:http";
import type { Timings } from "../channel/response-frame.ts";
import { traceIdOf } from "../channel/trace-context.ts";
import type { RequestTrace } from "./tracer.ts";

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
  /** Waiting for a slot. */
  queueMs: number;
  /** On `performance.now()`; 0 where it never got to user code. */
  granted: number;
  /** The model process that had it; 0 for none. */
  worker: number;
  bytes: number;
  /** Empty for none. */
  traceId: string;
  /** null where traces are not asked for. */
  trace: RequestTrace | null;
}

export const NO_TIMINGS: Timings = { preprocess: 0, predict: 0, postprocess: 0 };

/** What the caller says, where this server makes no traces of its own. */
export function traceIdOfRequest(trace: RequestTrace | null, headers: IncomingHttpHeaders): string {
  return trace === null ? traceIdOf(String(headers["traceparent"] ?? "")) : trace.traceId;
}
