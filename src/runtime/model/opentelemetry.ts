import { AsyncLocalStorage } from "node:async_hooks";
import type * as api from "@opentelemetry/api";
import type { Sampler } from "../channel/otel-env.ts";
import { formatBaggage, readBaggage, readTracestate } from "../channel/trace-baggage.ts";
import {
  formatTraceparent,
  newSpanId,
  newTraceId,
  parseTraceparent,
  type TraceContext,
} from "../channel/trace-context.ts";
import type { Scope } from "./job-trace.ts";
import type { SpanOutbox } from "./span-outbox.ts";
import { UserSpan } from "./user-span.ts";

export type OpenTelemetryApi = typeof api;

export interface OpenTelemetryOptions {
  outbox: SpanOutbox;
  requestScope: AsyncLocalStorage<Scope>;
  sampler: Sampler;
}

/**
 * Gives user code's @opentelemetry/api a tracer, a context and W3C propagation: spans that it makes are below the
 * phase that runs. A model that registers an SDK of its own gets its way: ours steps back, part by part.
 */
export function installOpenTelemetry(options: OpenTelemetryOptions): (api: OpenTelemetryApi) => void {
  const holders: Record<string, { disable(): void } | null> = {
    trace: null,
    context: null,
    propagation: null,
  };
  return (api) => {
    const offer = <T>(
      name: string,
      component: Record<string, unknown> & { disable(): void },
      ours: { method: string; part: T },
    ): void => {
      const register = (component[ours.method] as (part: T) => boolean).bind(component);
      if (holders[name] === null && register(ours.part)) holders[name] = component;
      component[ours.method] = (theirs: T): boolean => {
        holders[name]?.disable();
        holders[name] = null;
        return register(theirs);
      };
    };
    const part = (component: unknown) => component as Record<string, unknown> & { disable(): void };
    offer("trace", part(api.trace), {
      method: "setGlobalTracerProvider",
      part: tracerProvider(api, options),
    });
    offer("context", part(api.context), {
      method: "setGlobalContextManager",
      part: contextManager(api, options),
    });
    offer("propagation", part(api.propagation), { method: "setGlobalPropagator", part: propagator(api) });
  };
}

function tracerProvider(
  api: OpenTelemetryApi,
  { outbox, sampler }: OpenTelemetryOptions,
): api.TracerProvider {
  return {
    getTracer(name, version) {
      const scope = version === undefined ? { name } : { name, version };
      const startSpan = (
        spanName: string,
        options: api.SpanOptions = {},
        context = api.context.active(),
      ): api.Span => {
        const above = options.root === true ? undefined : api.trace.getSpanContext(context);
        const parent = above !== undefined && api.isSpanContextValid(above) ? above : null;
        const traceId = parent?.traceId ?? newTraceId();
        const sampled = parent === null ? sampler(traceId, null) : (parent.traceFlags & 1) === 1;
        return new UserSpan({
          name: spanName,
          context: { traceId, spanId: newSpanId(), sampled },
          traceState: parent?.traceState,
          parentSpanId: parent?.spanId ?? null,
          options,
          onEnd: (span) => outbox.push(scope, span),
        });
      };
      return { startSpan, startActiveSpan: startActive };

      /** (name, run), (name, options, run) or (name, options, context, run). */
      function startActive(spanName: string, ...rest: unknown[]): unknown {
        const run = rest.pop() as (span: api.Span) => unknown;
        const [options = {}, given] = rest as [api.SpanOptions?, api.Context?];
        const context = given ?? api.context.active();
        const span = startSpan(spanName, options, context);
        return api.context.with(api.trace.setSpan(context, span), run, undefined, span);
      }
    },
  };
}

function contextManager(api: OpenTelemetryApi, { requestScope }: OpenTelemetryOptions): api.ContextManager {
  // With the request it was set in: code that outlives a request must not lend its context to the next one.
  const storage = new AsyncLocalStorage<{ scope: Scope | undefined; context: api.Context }>();
  const manager: api.ContextManager = {
    active() {
      const scope = requestScope.getStore();
      const entered = storage.getStore();
      if (entered !== undefined && entered.scope === scope) return entered.context;
      const span = scope?.span;
      if (span === undefined) return api.ROOT_CONTEXT;
      const { tracestate = "", baggage = "" } = scope?.carried ?? {};
      return withBaggage(api, withSpan(api, api.ROOT_CONTEXT, { span, tracestate }), baggage);
    },
    with: (context, run, self, ...args) =>
      storage.run({ scope: requestScope.getStore(), context }, () => run.apply(self as never, args)),
    bind(context, target) {
      if (typeof target !== "function") return target;
      const bound = (...args: unknown[]): unknown =>
        manager.with(context, () => (target as (...all: unknown[]) => unknown)(...args));
      return bound as typeof target;
    },
    enable: () => manager,
    disable: () => manager,
  };
  return manager;
}

function withSpan(
  api: OpenTelemetryApi,
  context: api.Context,
  { span, tracestate }: { span: TraceContext; tracestate: string },
): api.Context {
  const { traceId, spanId, sampled } = span;
  const state = readTracestate(tracestate);
  return api.trace.setSpanContext(context, {
    traceId,
    spanId,
    traceFlags: sampled ? 1 : 0,
    isRemote: true,
    ...(state === "" ? {} : { traceState: api.createTraceState(state) }),
  });
}

function withBaggage(api: OpenTelemetryApi, context: api.Context, header: string): api.Context {
  const members = readBaggage(header);
  if (members.length === 0) return context;
  const entries = members.map(({ key, value, properties }): [string, api.BaggageEntry] => [
    key,
    properties === "" ? { value } : { value, metadata: api.baggageEntryMetadataFromString(properties) },
  ]);
  return api.propagation.setBaggage(context, api.propagation.createBaggage(Object.fromEntries(entries)));
}

function propagator(api: OpenTelemetryApi): api.TextMapPropagator {
  return {
    fields: () => ["traceparent", "tracestate", "baggage"],
    inject(context, carrier, setter) {
      const entries = api.propagation.getBaggage(context)?.getAllEntries() ?? [];
      const members = entries.map(([key, { value, metadata }]) => ({
        key,
        value: String(value),
        properties: metadata === undefined ? "" : String(metadata),
      }));
      const baggage = formatBaggage(members);
      if (baggage !== "") setter.set(carrier, "baggage", baggage);
      const span = api.trace.getSpanContext(context);
      if (span === undefined || !api.isSpanContextValid(span)) return;
      const { traceId, spanId, traceFlags, traceState } = span;
      const sampled = (traceFlags & 1) === 1;
      setter.set(carrier, "traceparent", formatTraceparent({ traceId, spanId, sampled }));
      const state = readTracestate(traceState?.serialize() ?? "");
      if (state !== "") setter.set(carrier, "tracestate", state);
    },
    extract(context, carrier, getter) {
      const first = (name: string): string => [getter.get(carrier, name) ?? ""].flat()[0] ?? "";
      const all = (name: string): string => [getter.get(carrier, name) ?? ""].flat().join(",");
      const span = parseTraceparent(first("traceparent"));
      const below = span === null ? context : withSpan(api, context, { span, tracestate: all("tracestate") });
      return withBaggage(api, below, all("baggage"));
    },
  };
}
