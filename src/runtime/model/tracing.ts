// A file of its own in the package: it is loaded only where traces are asked for.
import type { AsyncLocalStorage } from "node:async_hooks";
import type { FrameWriter } from "../channel/frame-writer.ts";
import { readSampler } from "../channel/otel-env.ts";
import { attribute, nanos, SpanKind, STATUS_ERROR, wallMs } from "../channel/otlp-span.ts";
import { newSpanId, parseTraceparent, type TraceContext } from "../channel/trace-context.ts";
import type { CarriedTrace, JobTrace, Scope } from "./job-trace.ts";
import { installOpenTelemetry, type OpenTelemetryApi } from "./opentelemetry.ts";
import { SpanOutbox } from "./span-outbox.ts";

/** The bundler calls what it finds here with each copy of @opentelemetry/api, before user code sees it. */
const HOOK = Symbol.for("purlin.opentelemetry");
const OWN_SCOPE = { name: "purlin" };

export interface TracingOptions {
  env: NodeJS.ProcessEnv;
  writer: FrameWriter;
  requestScope: AsyncLocalStorage<Scope>;
}

export interface Tracing {
  start(traceparent: string, scope: Scope, carried: () => CarriedTrace): JobTrace | null;
  flush(): void;
}

/** Makes the spans of a request's phases, and takes in those that user code makes with @opentelemetry/api. */
export function startTracing({ env, writer, requestScope }: TracingOptions): Tracing {
  const outbox = new SpanOutbox(writer);
  const hook = installOpenTelemetry({ outbox, requestScope, sampler: readSampler(env) });
  (globalThis as Record<symbol, unknown>)[HOOK] = (api: OpenTelemetryApi) => hook(api);
  return {
    start(traceparent, scope, carried) {
      const parent = parseTraceparent(traceparent);
      if (parent === null) return null;
      scope.carried = carried();
      return new PhaseSpans(outbox, parent, scope);
    },
    flush: () => outbox.flush(),
  };
}

class PhaseSpans implements JobTrace {
  readonly #outbox: SpanOutbox;
  /** The request's span, which the front makes. */
  readonly #parent: TraceContext;
  readonly #scope: Scope;
  #phase: { name: string; spanId: string; began: number } | null = null;

  constructor(outbox: SpanOutbox, parent: TraceContext, scope: Scope) {
    this.#outbox = outbox;
    this.#parent = parent;
    this.#scope = scope;
    scope.span = parent;
  }

  begin(name: string): void {
    if (!this.#parent.sampled) return;
    this.end();
    const spanId = newSpanId();
    this.#phase = { name, spanId, began: wallMs() };
    this.#scope.span = { ...this.#parent, spanId };
  }

  end(failure: { thrown: unknown } | null = null): void {
    const phase = this.#phase;
    if (phase === null) return;
    this.#phase = null;
    this.#outbox.push(OWN_SCOPE, {
      traceId: this.#parent.traceId,
      spanId: phase.spanId,
      parentSpanId: this.#parent.spanId,
      name: phase.name,
      kind: SpanKind.INTERNAL,
      startTimeUnixNano: nanos(phase.began),
      endTimeUnixNano: nanos(wallMs()),
      attributes: [],
      ...(failure === null ? {} : failed(failure.thrown)),
    });
  }
}

function failed(thrown: unknown): object {
  const isError = thrown instanceof Error;
  const attributes = [
    attribute("exception.type", isError ? thrown.name : typeof thrown),
    attribute("exception.message", isError ? thrown.message : "a value that is no Error"),
  ];
  return {
    status: { code: STATUS_ERROR },
    events: [{ timeUnixNano: nanos(wallMs()), name: "exception", attributes }],
  };
}
