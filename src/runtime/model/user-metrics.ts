import { log } from "./log.ts";
import { describeThrown } from "./user-error.ts";

/** One metric as prom-client's getMetricsAsJSON gives it. */
interface PromMetric {
  name: string;
  help: string;
  type: string;
  values: { value: number; labels: Record<string, unknown>; metricName?: string }[];
}

/** The bundler leaves prom-client's default registry here when the model imports that package. */
const REGISTRY = Symbol.for("purlin.prometheus");

let told = false;

/** What the model registered with prom-client, as plain data for the front to add up; null where its code throws. */
export async function collectUserMetrics(): Promise<PromMetric[] | null> {
  const registry = (globalThis as Record<symbol, unknown>)[REGISTRY] as
    { getMetricsAsJSON(): Promise<PromMetric[]> } | undefined;
  if (registry === undefined) return [];
  try {
    const metrics = await registry.getMetricsAsJSON();
    return metrics.map((metric) => ({ ...metric, values: metric.values.map(sendable) }));
  } catch (error) {
    const { message, stack } = describeThrown(error);
    if (!told) log("warn", `The model's own metrics cannot be collected: ${message}`, { stack });
    told = true;
    return null;
  }
}

/** JSON has no NaN and no infinity; the front makes numbers of these texts. */
function sendable<T extends { value: unknown }>(sample: T): T {
  return Number.isFinite(sample.value) ? sample : { ...sample, value: String(sample.value) };
}
