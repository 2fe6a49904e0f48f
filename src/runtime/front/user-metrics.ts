import type { Page } from "./metrics.ts";

const OWN_PREFIX = "purlin_";

/** One metric as prom-client's getMetricsAsJSON gives it. */
export interface UserMetric {
  name: string;
  help: string;
  type: string;
  /** How a gauge's values of several processes become one; default sum. */
  aggregator?: string;
  values: { value: number; labels: Record<string, unknown>; metricName?: string }[];
}

/**
 * The metrics that models registered with prom-client, added up over model processes. Counters and histograms
 * of a process that has ended stay in the sum; its gauges go with it.
 */
export class UserMetrics {
  readonly #ended: UserMetric[][] = [];

  keep(metrics: UserMetric[]): void {
    const lasting = metrics.filter(({ type }) => type !== "gauge");
    if (lasting.length === 0) return;
    this.#ended.push(lasting);
    if (this.#ended.length > 8) this.#ended.splice(0, 2, merge(this.#ended.slice(0, 2)));
  }

  write(page: Page, living: UserMetric[][]): void {
    for (const metric of merge([...this.#ended, ...living])) {
      // A page with a name twice is none.
      if (metric.name.startsWith(OWN_PREFIX)) continue;
      page.head(metric.name, metric.type, metric.help);
      for (const { value, labels, metricName } of metric.values)
        page.line(metricName ?? metric.name, labels, value);
    }
  }
}

type Sum = UserMetric["values"][number] & { of: number };

/** Counts add up; a gauge says itself how it is to be taken, and of quantiles the worst is true of some process. */
function aggregatorOf(metric: UserMetric, { labels }: { labels: object }): string {
  if (metric.type === "gauge") return metric.aggregator ?? "sum";
  return metric.type === "summary" && "quantile" in labels ? "max" : "sum";
}

/** As prom-client's own aggregation over processes has it. */
function combine(aggregator: string, sum: Sum, value: number): void {
  sum.of += 1;
  if (aggregator === "first") return;
  if (aggregator === "min") sum.value = Math.min(sum.value, value);
  else if (aggregator === "max") sum.value = Math.max(sum.value, value);
  else if (aggregator === "average") sum.value += (value - sum.value) / sum.of;
  else sum.value += value;
}

function merge(sources: UserMetric[][]): UserMetric[] {
  const byName = new Map<string, { metric: UserMetric; values: Map<string, Sum> }>();
  for (const metric of sources.flat()) {
    let known = byName.get(metric.name);
    if (known === undefined) byName.set(metric.name, (known = { metric, values: new Map() }));
    for (const given of metric.values) {
      // What is no finite number comes as text.
      const sample = { ...given, value: Number(given.value) };
      const key = JSON.stringify([sample.metricName, Object.entries(sample.labels).sort()]);
      const sum = known.values.get(key);
      if (sum === undefined) known.values.set(key, Object.assign(sample, { of: 1 }));
      else combine(aggregatorOf(metric, sample), sum, sample.value);
    }
  }
  return [...byName.values()].map(({ metric, values }) => ({ ...metric, values: [...values.values()] }));
}
