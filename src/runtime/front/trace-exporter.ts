import type { RequestDone } from "./request-done.ts";

const FLUSH_MS = 1000;
const MAX_HELD = 2048;
/** OTLP's span kinds and status codes. */
const KIND_INTERNAL = 1;
const KIND_SERVER = 2;
const STATUS_ERROR = 2;

interface Span {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  kind: number;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes: { key: string; value: { stringValue: string } | { intValue: string } }[];
  status?: { code: number };
}

export interface TraceExporter {
  record(request: RequestDone): void;
  flush(): Promise<void>;
}

/**
 * Sends spans as OTLP over HTTP with JSON where OTEL_EXPORTER_OTLP_ENDPOINT is set: one span a request, with
 * one below it for each of preprocess, queue, predict and postprocess. null where it is not set.
 */
export function createTraceExporter(
  env: NodeJS.ProcessEnv,
  modelName: string,
  onProblem: (message: string) => void,
): TraceExporter | null {
  const endpoint = env["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] ?? tracesUrl(env["OTEL_EXPORTER_OTLP_ENDPOINT"]);
  if (endpoint === undefined) return null;
  const service = env["OTEL_SERVICE_NAME"] ?? modelName;
  const headers = { "content-type": "application/json", ...headersOf(env["OTEL_EXPORTER_OTLP_HEADERS"]) };
  let held: Span[] = [];
  let told = false;
  const flush = async (): Promise<void> => {
    if (held.length === 0) return;
    const spans = held;
    held = [];
    try {
      const body = JSON.stringify(envelope(service, spans));
      const response = await fetch(endpoint, {
        method: "POST",
        headers,
        body,
        signal: AbortSignal.timeout(5000),
      });
      await response.arrayBuffer();
      if (!response.ok) throw new Error(`it answered ${response.status}`);
      told = false;
    } catch (error) {
      if (!told) onProblem(`Spans could not be sent to ${endpoint}: ${(error as Error).message}`);
      told = true;
    }
  };
  setInterval(() => void flush(), FLUSH_MS).unref();
  return {
    record(request) {
      if (held.length < MAX_HELD) held.push(...spansOf(request));
    },
    flush,
  };
}

function spansOf(request: RequestDone): Span[] {
  const parent = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/.exec(request.traceparent);
  // The caller has decided not to sample this trace.
  if (parent !== null && (Number.parseInt(parent[3] as string, 16) & 1) === 0) return [];
  const traceId = parent?.[1] ?? hexId(16);
  const end = Date.now();
  const start = end - request.ms;
  const root: Span = {
    ...span(traceId, `${request.method} ${request.route}`, { start, end, kind: KIND_SERVER }),
    ...(parent?.[2] === undefined ? {} : { parentSpanId: parent[2] }),
    attributes: [
      text("http.request.method", request.method),
      text("http.route", request.route),
      { key: "http.response.status_code", value: { intValue: String(request.status) } },
      text("purlin.request_id", request.id),
    ],
    ...(request.status >= 500 ? { status: { code: STATUS_ERROR } } : {}),
  };
  const spans = [root];
  let at = start;
  const { preprocess, predict, postprocess } = request.timings;
  for (const [name, ms] of Object.entries({ preprocess, queue: request.queueMs, predict, postprocess })) {
    if (ms <= 0) continue;
    spans.push({
      ...span(traceId, name, { start: at, end: at + ms, kind: KIND_INTERNAL }),
      parentSpanId: root.spanId,
    });
    at += ms;
  }
  return spans;
}

function span(
  traceId: string,
  name: string,
  { start, end, kind }: { start: number; end: number; kind: number },
): Span {
  return {
    traceId,
    spanId: hexId(8),
    name,
    kind,
    startTimeUnixNano: nanos(start),
    endTimeUnixNano: nanos(end),
    attributes: [],
  };
}

function envelope(service: string, spans: Span[]): unknown {
  const resource = { attributes: [text("service.name", service)] };
  return { resourceSpans: [{ resource, scopeSpans: [{ scope: { name: "purlin" }, spans }] }] };
}

function text(key: string, stringValue: string): { key: string; value: { stringValue: string } } {
  return { key, value: { stringValue } };
}

/** Milliseconds to the nanoseconds' text that OTLP wants; a double holds them to about a microsecond. */
function nanos(ms: number): string {
  return `${Math.floor(ms)}${String(Math.round((ms % 1) * 1e6) % 1e6).padStart(6, "0")}`;
}

function hexId(bytes: number): string {
  let id = "";
  for (let i = 0; i < bytes; i++)
    id += Math.floor(Math.random() * 256)
      .toString(16)
      .padStart(2, "0");
  return id;
}

function tracesUrl(endpoint: string | undefined): string | undefined {
  return endpoint === undefined || endpoint === "" ? undefined : `${endpoint.replace(/\/+$/, "")}/v1/traces`;
}

/** `key=value,key=value`, values percent-encoded. */
function headersOf(list: string | undefined): Record<string, string> {
  const pairs = (list ?? "").split(",").map((pair) => pair.split("="));
  return Object.fromEntries(
    pairs
      .filter(([key]) => key !== undefined && key.trim() !== "")
      .map(([key = "", ...value]) => [key.trim(), decodeURIComponent(value.join("=").trim())]),
  );
}
