import { otlpUrl } from "../channel/otel-env.ts";
import type { startTracing, Tracing, TracingOptions } from "./tracing.ts";

/** null where no traces are asked for: then none of it is loaded. */
export async function loadTracing(options: TracingOptions): Promise<Tracing | null> {
  if (otlpUrl(options.env, "TRACES") === undefined) return null;
  // A file beside this one in the package; not part of this bundle.
  const file = "./tracing.mjs";
  const module = (await import(file)) as { startTracing: typeof startTracing };
  return module.startTracing(options);
}
