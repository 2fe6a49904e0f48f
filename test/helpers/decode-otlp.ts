/**
 * OTLP/HTTP's JSON, decoded as strictly as its protobuf is: unknown keys, wrong types, wrong lengths of ids, numbers
 * that are no 64-bit texts and times that run backwards are errors. Throws with the place of the first one.
 */
export interface ReceivedSpan {
  scope: string;
  traceId: string;
  spanId: string;
  parentSpanId: string;
  traceState: string;
  name: string;
  kind: number;
  start: bigint;
  end: bigint;
  attributes: Record<string, unknown>;
  events: { name: string; attributes: Record<string, unknown> }[];
  links: { traceId: string; spanId: string }[];
  status: number;
}

export interface ReceivedPoint {
  name: string;
  type: string;
  unit: string;
  attributes: Record<string, unknown>;
  /** Of a sum or gauge; of a histogram or summary its count. */
  value: number;
  sum: number;
  bounds: number[];
  buckets: number[];
}

export interface Resource {
  attributes: Record<string, unknown>;
}

/** The field names of a message in opentelemetry-proto. */
function words(text: string): string[] {
  return text.split(" ");
}

const SPAN_KEYS = words(
  "traceId spanId parentSpanId traceState name kind startTimeUnixNano endTimeUnixNano attributes " +
    "droppedAttributesCount events droppedEventsCount links droppedLinksCount status flags",
);

type Json = Record<string, unknown>;
type Rule = (value: unknown, place: string) => void;

export function decodeTraces(body: unknown): { resource: Resource; spans: ReceivedSpan[] }[] {
  return list(only(body, ["resourceSpans"], "")["resourceSpans"], "resourceSpans").map((each, i) => {
    const place = `resourceSpans[${i}]`;
    const { resource, scopeSpans } = only(each, ["resource", "scopeSpans", "schemaUrl"], place);
    const spans = list(scopeSpans, place).flatMap((one, j) => {
      const { scope, spans: inScope } = only(
        one,
        ["scope", "spans", "schemaUrl"],
        `${place}.scopeSpans[${j}]`,
      );
      const { name } = only(scope, ["name", "version", "attributes"], `${place}.scope`);
      text(name, `${place}.scope.name`);
      return list(inScope, place).map((span, k) =>
        decodeSpan(span, String(name), `${place}.spans[${j}][${k}]`),
      );
    });
    return { resource: decodeResource(resource, place), spans };
  });
}

export function decodeMetrics(body: unknown): { resource: Resource; points: ReceivedPoint[] }[] {
  return list(only(body, ["resourceMetrics"], "")["resourceMetrics"], "resourceMetrics").map((each, i) => {
    const place = `resourceMetrics[${i}]`;
    const { resource, scopeMetrics } = only(each, ["resource", "scopeMetrics", "schemaUrl"], place);
    const points = list(scopeMetrics, place).flatMap((one) => {
      const { scope, metrics } = only(one, ["scope", "metrics", "schemaUrl"], place);
      only(scope, ["name", "version", "attributes"], place);
      const names = new Set<string>();
      return list(metrics, place).flatMap((metric) => {
        const decoded = decodeMetric(metric, place);
        const name = decoded[0]?.name ?? "";
        if (names.has(name)) throw new Error(`${place}: ${name} is there twice`);
        names.add(name);
        return decoded;
      });
    });
    return { resource: decodeResource(resource, place), points };
  });
}

function decodeSpan(value: unknown, scope: string, place: string): ReceivedSpan {
  const span = only(value, SPAN_KEYS, place);
  hex(32)(span["traceId"], `${place}.traceId`);
  hex(16)(span["spanId"], `${place}.spanId`);
  if (span["parentSpanId"] !== undefined) hex(16)(span["parentSpanId"], `${place}.parentSpanId`);
  text(span["name"], `${place}.name`);
  if (![1, 2, 3, 4, 5].includes(span["kind"] as number)) throw new Error(`${place}.kind is ${span["kind"]}`);
  const [start, end] = [time(span["startTimeUnixNano"], place), time(span["endTimeUnixNano"], place)];
  if (end < start) throw new Error(`${place} ends before it starts`);
  const status = only(span["status"] ?? {}, ["code", "message"], `${place}.status`);
  const events = list(span["events"] ?? [], place).map((event) => {
    const { timeUnixNano, name, attributes } = only(
      event,
      ["timeUnixNano", "name", "attributes"],
      `${place}.events`,
    );
    time(timeUnixNano, `${place}.events`);
    text(name, `${place}.events`);
    return { name: String(name), attributes: decodeAttributes(attributes, place) };
  });
  const links = list(span["links"] ?? [], place).map((link) => {
    const { traceId, spanId } = only(
      link,
      ["traceId", "spanId", "traceState", "attributes", "flags"],
      `${place}.links`,
    );
    hex(32)(traceId, `${place}.links`);
    hex(16)(spanId, `${place}.links`);
    return { traceId: String(traceId), spanId: String(spanId) };
  });
  return {
    scope,
    traceId: String(span["traceId"]),
    spanId: String(span["spanId"]),
    parentSpanId: String(span["parentSpanId"] ?? ""),
    traceState: String(span["traceState"] ?? ""),
    name: String(span["name"]),
    kind: span["kind"] as number,
    start,
    end,
    attributes: decodeAttributes(span["attributes"] ?? [], place),
    events,
    links,
    status: (status["code"] as number | undefined) ?? 0,
  };
}

const NUMBER_KEYS = words("attributes startTimeUnixNano timeUnixNano asDouble asInt flags");
const POINT_KEYS = {
  sum: NUMBER_KEYS,
  gauge: NUMBER_KEYS,
  histogram: words(
    "attributes startTimeUnixNano timeUnixNano count sum bucketCounts explicitBounds min max flags",
  ),
  summary: words("attributes startTimeUnixNano timeUnixNano count sum quantileValues flags"),
};

function decodeMetric(value: unknown, place: string): ReceivedPoint[] {
  const types = Object.keys(POINT_KEYS) as (keyof typeof POINT_KEYS)[];
  const metric = only(value, ["name", "description", "unit", ...types], place);
  const name = String(metric["name"]);
  text(metric["name"], `${place}.name`);
  const given = types.filter((type) => metric[type] !== undefined);
  const [type] = given;
  if (given.length !== 1 || type === undefined)
    throw new Error(`${place}: ${name} has ${given.length} kinds of data`);
  const keys = {
    sum: ["aggregationTemporality", "isMonotonic"],
    histogram: ["aggregationTemporality"],
    gauge: [],
    summary: [],
  };
  const data = only(metric[type], ["dataPoints", ...keys[type]], `${place}.${name}`);
  if (keys[type].length > 0 && data["aggregationTemporality"] !== 2)
    throw new Error(`${name} is not cumulative`);
  return list(data["dataPoints"], name).map((each) => {
    const point = only(each, POINT_KEYS[type], name);
    if (time(point["timeUnixNano"], name) < time(point["startTimeUnixNano"], name))
      throw new Error(`${name}: time`);
    const isNumber = type === "sum" || type === "gauge";
    const bounds = list(point["explicitBounds"] ?? [], name).map((bound) => double(bound, name));
    const buckets = list(point["bucketCounts"] ?? [], name).map((count) => Number(uint64(count, name)));
    const count = isNumber ? double(point["asDouble"], name) : Number(uint64(point["count"], name));
    if (type === "histogram") {
      if (buckets.length !== bounds.length + 1) throw new Error(`${name}: ${buckets.length} buckets`);
      if (bounds.some((bound, i) => i > 0 && bound <= (bounds[i - 1] as number)))
        throw new Error(`${name}: bounds`);
      if (buckets.reduce((a, b) => a + b, 0) !== count)
        throw new Error(`${name}: the buckets are not ${count}`);
    }
    return {
      name,
      type,
      unit: String(metric["unit"] ?? ""),
      attributes: decodeAttributes(point["attributes"] ?? [], name),
      value: count,
      sum: isNumber ? 0 : double(point["sum"], name),
      bounds,
      buckets,
    };
  });
}

function decodeResource(value: unknown, place: string): Resource {
  const { attributes } = only(value, ["attributes", "droppedAttributesCount"], `${place}.resource`);
  return { attributes: decodeAttributes(attributes, place) };
}

function decodeAttributes(value: unknown, place: string): Record<string, unknown> {
  const entries = list(value, place).map((each): [string, unknown] => {
    const { key, value: one } = only(each, ["key", "value"], `${place}.attributes`);
    text(key, `${place}.attributes`);
    return [String(key), decodeValue(one, `${place}.${String(key)}`)];
  });
  if (new Set(entries.map(([key]) => key)).size !== entries.length)
    throw new Error(`${place}: an attribute twice`);
  return Object.fromEntries(entries);
}

function decodeValue(value: unknown, place: string): unknown {
  const kinds = [
    "stringValue",
    "boolValue",
    "intValue",
    "doubleValue",
    "arrayValue",
    "kvlistValue",
    "bytesValue",
  ];
  const [[kind, inner] = [], ...more] = Object.entries(only(value, kinds, place));
  if (more.length > 0) throw new Error(`${place} has two values`);
  if (kind === "stringValue" && typeof inner === "string") return inner;
  if (kind === "boolValue" && typeof inner === "boolean") return inner;
  if (kind === "intValue" && typeof inner === "string" && /^-?\d{1,19}$/.test(inner)) return Number(inner);
  if (kind === "doubleValue") return double(inner, place);
  if (kind === "arrayValue")
    return list(only(inner, ["values"], place)["values"], place).map((item) => decodeValue(item, place));
  throw new Error(`${place} is ${JSON.stringify(value)}`);
}

function only(value: unknown, keys: readonly string[], place: string): Json {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new Error(`${place} is no message`);
  for (const key of Object.keys(value))
    if (!keys.includes(key)) throw new Error(`${place}.${key} is unknown`);
  return value as Json;
}

function list(value: unknown, place: string): unknown[] {
  if (!Array.isArray(value)) throw new Error(`${place} is no list`);
  return value;
}

const text: Rule = (value, place) => {
  if (typeof value !== "string" || value === "") throw new Error(`${place} is no text: ${String(value)}`);
};

function hex(length: number): Rule {
  return (value, place) => {
    const isId =
      typeof value === "string" &&
      value.length === length &&
      /^[0-9a-f]+$/.test(value) &&
      !/^0+$/.test(value);
    if (!isId) throw new Error(`${place} is no id: ${String(value)}`);
  };
}

function uint64(value: unknown, place: string): bigint {
  if (typeof value !== "string" || !/^\d{1,20}$/.test(value))
    throw new Error(`${place} is no uint64: ${String(value)}`);
  return BigInt(value);
}

/** Within an hour of now, in nanoseconds. */
function time(value: unknown, place: string): bigint {
  const at = uint64(value, place);
  const distance = at / 1_000_000n - BigInt(Date.now());
  if (distance > 3_600_000n || distance < -3_600_000n) throw new Error(`${place} is not of today: ${at}`);
  return at;
}

function double(value: unknown, place: string): number {
  if (typeof value === "number") return value;
  if (["NaN", "Infinity", "-Infinity"].includes(value as string)) return Number(value);
  throw new Error(`${place} is no number: ${String(value)}`);
}
