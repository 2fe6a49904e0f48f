import type { IncomingHttpHeaders } from "node:http";
import type { Sampler } from "../channel/otel-env.ts";
import {
  formatTraceparent,
  newSpanId,
  newTraceId,
  parseTraceparent,
  type TraceContext,
} from "../channel/trace-context.ts";

/** The span of a request in this server, and what it hangs below. */
export interface RequestTrace extends TraceContext {
  parentSpanId: string | null;
  /** What other vendors have to say of the trace; passed on as it came. */
  state: string;
}

/** Gives each request its place in a trace. */
export class Tracer {
  readonly #sampler: Sampler;

  constructor(sampler: Sampler) {
    this.#sampler = sampler;
  }

  begin(headers: IncomingHttpHeaders): RequestTrace {
    const parent = parseTraceparent(String(headers["traceparent"] ?? ""));
    const traceId = parent?.traceId ?? newTraceId();
    return {
      traceId,
      spanId: newSpanId(),
      parentSpanId: parent?.spanId ?? null,
      sampled: this.#sampler(traceId, parent?.sampled ?? null),
      state: parent === null ? "" : String(headers["tracestate"] ?? ""),
    };
  }
}

/** Names and values as they came; with a trace, `traceparent` names this server's span as the parent of what follows. */
export function tracedHeaders(rawHeaders: string[], trace: RequestTrace | null): string {
  if (trace === null) return rawHeaders.join("\n");
  const headers: string[] = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string;
    const lower = name.toLowerCase();
    // The state belongs to a parent that could be read.
    if (lower === "traceparent" || (lower === "tracestate" && trace.state === "")) continue;
    headers.push(name, rawHeaders[i + 1] as string);
  }
  headers.push("traceparent", formatTraceparent(trace));
  return headers.join("\n");
}
