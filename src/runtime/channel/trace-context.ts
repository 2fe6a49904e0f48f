/** W3C trace context. */
export interface TraceContext {
  traceId: string;
  spanId: string;
  sampled: boolean;
}

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const NO_ID = /^0+$/;

/** null for what is not one: then there is no parent. */
export function parseTraceparent(header: string): TraceContext | null {
  const [, version, traceId = "", spanId = "", flags = "", more] = TRACEPARENT.exec(header.trim()) ?? [];
  if (version === undefined || version === "ff" || (version === "00" && more !== undefined)) return null;
  if (NO_ID.test(traceId) || NO_ID.test(spanId)) return null;
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

/** Empty where the header is missing or not one. */
export function traceIdOf(header: string): string {
  return header === "" ? "" : (parseTraceparent(header)?.traceId ?? "");
}

export function formatTraceparent({ traceId, spanId, sampled }: TraceContext): string {
  return `00-${traceId}-${spanId}-${sampled ? "01" : "00"}`;
}

/** Ids need to differ, not to be secret. */
export function newTraceId(): string {
  return newSpanId() + newSpanId();
}

export function newSpanId(): string {
  // Never all zeros, which is no id.
  return half(Math.floor(Math.random() * 0xffff_ffff) + 1) + half(Math.floor(Math.random() * 2 ** 32));
}

function half(value: number): string {
  return value.toString(16).padStart(8, "0");
}
