import {
  attribute,
  nanos,
  SpanKind,
  STATUS_ERROR,
  wallMs,
  type OtlpSpan,
  type ScopeSpans,
} from "../channel/otlp-span.ts";
import { newSpanId } from "../channel/trace-context.ts";
import type { OtlpSender } from "./otlp-sender.ts";
import type { RequestDone } from "./request-done.ts";
import type { RequestTrace } from "./tracer.ts";

/** While a receiver is slow or away, no more than this is held for it. */
const MAX_HELD_SPANS = 4096;
const MAX_HELD_CHARS = 8 * 1024 * 1024;

export interface SpanExporterOptions {
  sender: OtlpSender;
  resource: unknown;
  mask: (text: string) => string;
  onProblem: (message: string) => void;
}

/** Gathers spans, of this process and of the model processes, and sends them in batches. */
export class SpanExporter {
  readonly #options: SpanExporterOptions;
  #own: OtlpSpan[] = [];
  /** JSON of ScopeSpans, as the model processes sent it. */
  #model: string[] = [];
  #chars = 0;
  #dropped = 0;
  #sending: Promise<void> | null = null;

  constructor(options: SpanExporterOptions) {
    this.#options = options;
  }

  /** The span of a request that is over, and that of its time in the queue; its other phases come from the model. */
  record(request: RequestDone): void {
    const { trace } = request;
    if (trace === null || !trace.sampled) return;
    if (this.#own.length >= MAX_HELD_SPANS) this.#dropped += 1;
    else this.#own.push(...spansOf(request, trace));
  }

  /** A SPANS frame of a model process: a list of ScopeSpans. */
  modelSpans(payload: Buffer): void {
    if (this.#chars > MAX_HELD_CHARS) {
      this.#dropped += 1;
      return;
    }
    const list = payload.toString().slice(1, -1);
    this.#model.push(list);
    this.#chars += list.length;
  }

  /** One batch at a time; what comes in meanwhile is the next one. */
  flush(): Promise<void> {
    this.#sending ??= this.#send().finally(() => (this.#sending = null));
    return this.#sending;
  }

  async #send(): Promise<void> {
    if (this.#own.length === 0 && this.#model.length === 0) return;
    if (this.#dropped > 0)
      this.#options.onProblem(`${this.#dropped} spans were dropped: the receiver is slow`);
    const own: ScopeSpans[] = this.#own.length === 0 ? [] : [{ scope: { name: "purlin" }, spans: this.#own }];
    const scopes = [...own.map((scope) => JSON.stringify(scope)), ...this.#model];
    this.#own = [];
    this.#model = [];
    this.#chars = this.#dropped = 0;
    const resource = JSON.stringify(this.#options.resource);
    const body = `{"resourceSpans":[{"resource":${resource},"scopeSpans":[${scopes.join(",")}]}]}`;
    await this.#options.sender.send(this.#options.mask(body));
  }
}

function spansOf(request: RequestDone, trace: RequestTrace): OtlpSpan[] {
  const end = wallMs();
  const root: OtlpSpan = {
    traceId: trace.traceId,
    spanId: trace.spanId,
    ...(trace.parentSpanId === null ? {} : { parentSpanId: trace.parentSpanId }),
    ...(trace.state === "" ? {} : { traceState: trace.state }),
    name: `${request.method} ${request.route}`,
    kind: SpanKind.SERVER,
    startTimeUnixNano: nanos(end - request.ms),
    endTimeUnixNano: nanos(end),
    attributes: [
      attribute("http.request.method", request.method),
      attribute("http.route", request.route),
      attribute("http.response.status_code", request.status),
      attribute("purlin.request_id", request.id),
      ...(request.worker === 0 ? [] : [attribute("purlin.worker", request.worker)]),
      ...(request.code === "" ? [] : [attribute("error.type", request.code)]),
    ],
    ...(request.status >= 500 ? { status: { code: STATUS_ERROR } } : {}),
  };
  if (request.granted === 0) return [root];
  const granted = performance.timeOrigin + request.granted;
  const queue: OtlpSpan = {
    traceId: trace.traceId,
    spanId: newSpanId(),
    parentSpanId: trace.spanId,
    name: "queue",
    kind: SpanKind.INTERNAL,
    startTimeUnixNano: nanos(granted - request.queueMs),
    endTimeUnixNano: nanos(granted),
    attributes: [],
  };
  return [root, queue];
}
