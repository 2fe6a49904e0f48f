import type { Page } from "./metrics.ts";

/** One metric as prom-client's getMetricsAsJSON gives it. */
export interface UserMetric {
  name: string;
  help: string;
  type: string;
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
      page.head(metric.name, metric.type, metric.help);
      for (const { value, labels, metricName } of metric.values)
        page.line(metricName ?? metric.name, labels, value);
    }
  }
}

function merge(sources: UserMetric[][]): UserMetric[] {
  const byName = new Map<string, { metric: UserMetric; values: Map<string, UserMetric["values"][number]> }>();
  for (const metric of sources.flat()) {
    let known = byName.get(metric.name);
    if (known === undefined) byName.set(metric.name, (known = { metric, values: new Map() }));
    for (const sample of metric.values) {
      const key = JSON.stringify([sample.metricName, Object.entries(sample.labels).sort()]);
      const sum = known.values.get(key);
      if (sum === undefined) known.values.set(key, { ...sample });
      else sum.value += sample.value;
    }
  }
  return [...byName.values()].map(({ metric, values }) => ({ ...metric, values: [...values.values()] }));
}
