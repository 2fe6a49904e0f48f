import type { TraceContext } from "../channel/trace-context.ts";

/** The spans of one request in the model process: one phase at a time. */
export interface JobTrace {
  /** Called when user code of a phase begins; spans that it makes are below this one. */
  begin(phase: string): void;
  /** Ends the phase, where one is open. */
  end(failure?: { thrown: unknown } | null): void;
}

/** What is known, in user code, of the request that it works for. */
export interface Scope {
  /** Empty where user code works for several at once. */
  requestId: string;
  /** Of the rows of a batch. */
  requestIds?: string[];
  traceId: string;
  /** The phase that runs, where traces are made. */
  span?: TraceContext;
  /** What the request's headers carried beside it, as it came. */
  carried?: CarriedTrace;
}

export interface CarriedTrace {
  tracestate: string;
  baggage: string;
}

/** Set where traces are asked for; see tracing.ts. */
export const jobTraces: {
  start: ((traceparent: string, scope: Scope, carried: () => CarriedTrace) => JobTrace | null) | null;
} = {
  start: null,
};
