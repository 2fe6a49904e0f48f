/** A span as OTLP's JSON has it. */
export interface OtlpSpan {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  traceState?: string;
  name: string;
  kind: number;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes: OtlpAttribute[];
  droppedAttributesCount?: number;
  events?: { timeUnixNano: string; name: string; attributes: OtlpAttribute[] }[];
  links?: { traceId: string; spanId: string; attributes: OtlpAttribute[] }[];
  status?: { code: number; message?: string };
}

export interface OtlpAttribute {
  key: string;
  value: OtlpValue;
}

export type OtlpValue =
  | { stringValue: string }
  | { boolValue: boolean }
  | { intValue: string }
  | { doubleValue: number | string }
  | { arrayValue: { values: OtlpValue[] } };

/** The spans that one library made. */
export interface ScopeSpans {
  scope: { name: string; version?: string };
  spans: OtlpSpan[];
}

export const SpanKind = { INTERNAL: 1, SERVER: 2 } as const;
export const STATUS_ERROR = 2;

export function attribute(key: string, value: unknown): OtlpAttribute {
  return { key, value: otlpValue(value) };
}

const MAX_TEXT = 8000;
const MAX_ITEMS = 100;

function otlpValue(value: unknown): OtlpValue {
  if (typeof value === "boolean") return { boolValue: value };
  if (typeof value === "number") {
    return Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: otlpDouble(value) };
  }
  if (Array.isArray(value)) return { arrayValue: { values: value.slice(0, MAX_ITEMS).map(otlpValue) } };
  return { stringValue: printed(value).slice(0, MAX_TEXT) };
}

/** User code may hand in what the types forbid, and must not be told so by a throw in its tracing. */
function printed(value: unknown): string {
  try {
    return String(value);
  } catch {
    return `a ${typeof value}`;
  }
}

/** JSON has no numbers for the others; protobuf's JSON has words. */
export function otlpDouble(value: number): number | string {
  return Number.isFinite(value) ? value : String(value);
}

/** Wall time with the monotonic clock's resolution; both sides of the channel agree within a fraction of a millisecond. */
export function wallMs(): number {
  return performance.timeOrigin + performance.now();
}

/** Milliseconds to the nanoseconds' text that OTLP wants; a double holds them to about a microsecond. */
export function nanos(ms: number): string {
  const whole = Math.floor(ms);
  return `${whole}${String(Math.floor((ms - whole) * 1e6)).padStart(6, "0")}`;
}
