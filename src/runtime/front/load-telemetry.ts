import { otlpUrl } from "../channel/otel-env.ts";
import type { createTelemetry, Telemetry, TelemetryOptions } from "./telemetry.ts";

/** null where the environment asks for neither traces nor metrics: then none of it is loaded. */
export async function loadTelemetry(options: TelemetryOptions): Promise<Telemetry | null> {
  const { env } = options;
  if (otlpUrl(env, "TRACES") === undefined && otlpUrl(env, "METRICS") === undefined) return null;
  // A file beside this one in the package; not part of this bundle.
  const file = "./telemetry.mjs";
  const module = (await import(file)) as { createTelemetry: typeof createTelemetry };
  return module.createTelemetry(options);
}
