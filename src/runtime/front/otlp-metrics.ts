import { attribute, nanos, otlpDouble, wallMs, type OtlpAttribute } from "../channel/otlp-span.ts";
import { Page } from "./metrics.ts";

/** AggregationTemporality: since the start of this process. */
const CUMULATIVE = 2;
const SUFFIX = /_(bucket|sum|count)$/;

type Labels = Record<string, unknown>;

interface Point {
  attributes: OtlpAttribute[];
  value: number;
  sum: number;
  /** Upper bound (or quantile) to value, for histograms and summaries. */
  marks: [bound: number, value: number][];
}

interface Family {
  name: string;
  type: string;
  help: string;
  points: Map<string, Point>;
}

/** The metrics page as OTLP's JSON: the same names, labels and figures. */
export class OtlpPage extends Page {
  readonly #families: Family[] = [];

  head(name: string, type: string, help: string): void {
    this.#families.push({ name, type, help, points: new Map() });
  }

  line(name: string, labels: Labels, value: number): void {
    const family = this.#families.at(-1);
    if (family === undefined) return;
    const { le, quantile, ...rest } = labels;
    const isSplit = family.type === "histogram" || family.type === "summary";
    const identity = isSplit ? rest : labels;
    const key = JSON.stringify(Object.entries(identity).sort());
    let point = family.points.get(key);
    if (point === undefined) {
      const attributes = Object.entries(identity).map(([label, text]) => attribute(label, String(text)));
      family.points.set(key, (point = { attributes, value: 0, sum: 0, marks: [] }));
    }
    const part = isSplit && name !== family.name ? SUFFIX.exec(name)?.[1] : undefined;
    if (part === "sum") point.sum = value;
    else if (part === "bucket") point.marks.push([le === "+Inf" ? Infinity : Number(le), value]);
    else if (isSplit && part === undefined) point.marks.push([Number(quantile), value]);
    else point.value = value;
  }

  metrics(started: number): unknown[] {
    const times = { startTimeUnixNano: nanos(started), timeUnixNano: nanos(wallMs()) };
    return this.#families
      .filter(({ points }) => points.size > 0)
      .map(({ name, type, help, points }) => ({
        name,
        description: help,
        unit: unitOf(name),
        ...dataOf(type, [...points.values()], times),
      }));
  }
}

function dataOf(type: string, points: Point[], times: object): object {
  switch (type) {
    case "counter":
      return {
        sum: {
          dataPoints: points.map((point) => numberPoint(point, times)),
          aggregationTemporality: CUMULATIVE,
          isMonotonic: true,
        },
      };
    case "histogram":
      return {
        histogram: {
          dataPoints: points.map((point) => histogramPoint(point, times)),
          aggregationTemporality: CUMULATIVE,
        },
      };
    case "summary":
      return { summary: { dataPoints: points.map((point) => summaryPoint(point, times)) } };
    default:
      return { gauge: { dataPoints: points.map((point) => numberPoint(point, times)) } };
  }
}

function numberPoint({ attributes, value }: Point, times: object): object {
  return { attributes, ...times, asDouble: otlpDouble(value) };
}

/** Prometheus counts what lies below each bound, OTLP what lies between two. */
function histogramPoint({ attributes, value, sum, marks }: Point, times: object): object {
  const sorted = marks.toSorted(([a], [b]) => a - b);
  const below = sorted.map(([, count]) => count);
  return {
    attributes,
    ...times,
    count: String(value),
    sum: otlpDouble(sum),
    explicitBounds: sorted.map(([bound]) => bound).filter((bound) => bound !== Infinity),
    bucketCounts: below.map((count, i) => String(count - (below[i - 1] ?? 0))),
  };
}

function summaryPoint({ attributes, value, sum, marks }: Point, times: object): object {
  const quantileValues = marks.map(([quantile, at]) => ({ quantile, value: otlpDouble(at) }));
  return { attributes, ...times, count: String(value), sum: otlpDouble(sum), quantileValues };
}

function unitOf(name: string): string {
  if (/_seconds(_total)?$/.test(name)) return "s";
  return /_bytes(_total)?$/.test(name) ? "By" : "1";
}
