import type {
  Attributes,
  AttributeValue,
  Exception,
  Link,
  Span,
  SpanOptions,
  SpanStatus,
  TimeInput,
  TraceState,
} from "@opentelemetry/api";
import { attribute, nanos, wallMs, type OtlpSpan } from "../channel/otlp-span.ts";
import type { TraceContext } from "../channel/trace-context.ts";

const MAX_ATTRIBUTES = 128;
const MAX_EVENTS = 128;
/** @opentelemetry/api counts kinds from 0, OTLP from 1. */
const FIRST_KIND = 1;

export interface UserSpanInit {
  name: string;
  context: TraceContext;
  /** Its parent's: what other vendors say of the trace. */
  traceState: TraceState | undefined;
  parentSpanId: string | null;
  options: SpanOptions;
  onEnd: (span: OtlpSpan) => void;
}

/** A span that user code makes; one that is not sampled only carries its context. */
export class UserSpan implements Span {
  readonly #init: UserSpanInit;
  readonly #began: number;
  #name: string;
  #attributes = new Map<string, unknown>();
  #dropped = 0;
  #events: NonNullable<OtlpSpan["events"]> = [];
  #links: Link[];
  #status: SpanStatus | null = null;
  #ended = false;

  constructor(init: UserSpanInit) {
    this.#init = init;
    this.#name = init.name;
    this.#began = millisecondsOf(init.options.startTime);
    this.#links = [...(init.options.links ?? [])];
    this.setAttributes(init.options.attributes ?? {});
  }

  spanContext(): ReturnType<Span["spanContext"]> {
    const { traceId, spanId, sampled } = this.#init.context;
    const { traceState } = this.#init;
    return {
      traceId,
      spanId,
      traceFlags: sampled ? 1 : 0,
      ...(traceState === undefined ? {} : { traceState }),
    };
  }

  isRecording(): boolean {
    return this.#init.context.sampled && !this.#ended;
  }

  setAttribute(key: string, value: AttributeValue): this {
    if (!this.isRecording() || value === undefined || value === null) return this;
    if (this.#attributes.size < MAX_ATTRIBUTES || this.#attributes.has(key)) this.#attributes.set(key, value);
    else this.#dropped += 1;
    return this;
  }

  setAttributes(attributes: Attributes): this {
    for (const [key, value] of Object.entries(attributes)) this.setAttribute(key, value as AttributeValue);
    return this;
  }

  addEvent(name: string, attributesOrTime?: Attributes | TimeInput, time?: TimeInput): this {
    const isTime = isTimeInput(attributesOrTime);
    const attributes = isTime ? {} : (attributesOrTime ?? {});
    const at = millisecondsOf(isTime ? attributesOrTime : time);
    if (this.isRecording() && this.#events.length < MAX_EVENTS)
      this.#events.push({
        timeUnixNano: nanos(at),
        name: String(name),
        attributes: listOf(Object.entries(attributes)),
      });
    return this;
  }

  addLink(link: Link): this {
    if (this.isRecording() && this.#links.length < MAX_EVENTS) this.#links.push(link);
    return this;
  }

  addLinks(links: Link[]): this {
    for (const link of links) this.addLink(link);
    return this;
  }

  setStatus(status: SpanStatus): this {
    if (this.isRecording()) this.#status = status;
    return this;
  }

  updateName(name: string): this {
    if (this.isRecording()) this.#name = name;
    return this;
  }

  recordException(exception: Exception, time?: TimeInput): void {
    const { name, message, stack } = typeof exception === "string" ? new Error(exception) : exception;
    const attributes = {
      "exception.type": name,
      "exception.message": message,
      "exception.stacktrace": stack,
    };
    this.addEvent("exception", attributes as Attributes, time);
  }

  end(time?: TimeInput): void {
    if (!this.isRecording()) return;
    this.#ended = true;
    const { context, parentSpanId, options, onEnd } = this.#init;
    onEnd({
      traceId: context.traceId,
      spanId: context.spanId,
      ...(parentSpanId === null ? {} : { parentSpanId }),
      name: String(this.#name),
      kind: FIRST_KIND + (options.kind ?? 0),
      startTimeUnixNano: nanos(this.#began),
      endTimeUnixNano: nanos(Math.max(this.#began, millisecondsOf(time))),
      attributes: listOf(this.#attributes),
      droppedAttributesCount: this.#dropped,
      events: this.#events,
      links: this.#links.map(({ context: to, attributes = {} }) => {
        return { traceId: to.traceId, spanId: to.spanId, attributes: listOf(Object.entries(attributes)) };
      }),
      ...(this.#status === null ? {} : { status: statusOf(this.#status) }),
    });
  }
}

function listOf(attributes: Iterable<[string, unknown]>): OtlpSpan["attributes"] {
  return [...attributes]
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => attribute(key, value));
}

function statusOf({ code, message }: SpanStatus): { code: number; message?: string } {
  return message === undefined ? { code } : { code, message: String(message) };
}

function isTimeInput(value: unknown): value is TimeInput {
  return typeof value === "number" || value instanceof Date || Array.isArray(value);
}

/** Numbers are on performance.now() where they are too small for the calendar; pairs are seconds and nanoseconds. */
function millisecondsOf(time: TimeInput | undefined): number {
  if (time === undefined) return wallMs();
  if (Array.isArray(time)) return time[0] * 1000 + time[1] / 1e6;
  if (time instanceof Date) return time.getTime();
  return time < performance.timeOrigin ? performance.timeOrigin + time : time;
}
