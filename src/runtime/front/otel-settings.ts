import { otlpUrl, SAMPLERS, type Signal } from "../channel/otel-env.ts";

export interface OtlpTarget {
  url: string;
  headers: Record<string, string>;
  timeoutMs: number;
}

/** What the environment asks of the exporters. */
export interface OtelSettings {
  traces: OtlpTarget | null;
  metrics: OtlpTarget | null;
  /** Of the service and where it runs. */
  resource: Record<string, string>;
  metricIntervalMs: number;
  spanDelayMs: number;
  /** What cannot be done as asked, for the log. */
  problems: string[];
}

export function readOtelSettings(env: NodeJS.ProcessEnv, modelName: string): OtelSettings {
  const problems: string[] = [];
  const milliseconds = (name: string, standard: number): number => {
    const text = env[name];
    if (text === undefined || text === "") return standard;
    if (/^\d+$/.test(text) && Number(text) >= 1 && Number(text) < 2 ** 31) return Number(text);
    problems.push(`${name} must be a whole number of milliseconds, not ${text}; it is ${standard}`);
    return standard;
  };
  const target = (signal: Signal): OtlpTarget | null => {
    const url = otlpUrl(env, signal);
    if (url === undefined) return null;
    if (!/^https?:/.test(url) || !URL.canParse(url)) {
      problems.push(
        `The OTLP endpoint ${url} is not an http(s) address; no ${signal.toLowerCase()} are sent`,
      );
      return null;
    }
    const protocol = env[`OTEL_EXPORTER_OTLP_${signal}_PROTOCOL`] ?? env["OTEL_EXPORTER_OTLP_PROTOCOL"] ?? "";
    if (protocol === "grpc") problems.push(`OTLP over gRPC is not spoken: JSON over HTTP is sent to ${url}`);
    const own = env[`OTEL_EXPORTER_OTLP_${signal}_HEADERS`];
    return {
      url,
      headers: { ...pairsOf(env["OTEL_EXPORTER_OTLP_HEADERS"]), ...pairsOf(own) },
      timeoutMs: milliseconds(
        `OTEL_EXPORTER_OTLP_${signal}_TIMEOUT`,
        milliseconds("OTEL_EXPORTER_OTLP_TIMEOUT", 10_000),
      ),
    };
  };
  const sampler = env["OTEL_TRACES_SAMPLER"] ?? "";
  if (sampler !== "" && !SAMPLERS.includes(sampler))
    problems.push(`OTEL_TRACES_SAMPLER knows ${SAMPLERS.join(", ")}, not ${sampler}`);
  const attributes = pairsOf(env["OTEL_RESOURCE_ATTRIBUTES"]);
  const service = env["OTEL_SERVICE_NAME"] || attributes["service.name"] || modelName;
  return {
    traces: target("TRACES"),
    metrics: target("METRICS"),
    resource: { ...attributes, "service.name": service },
    metricIntervalMs: milliseconds("OTEL_METRIC_EXPORT_INTERVAL", 60_000),
    spanDelayMs: milliseconds("OTEL_BSP_SCHEDULE_DELAY", 1000),
    problems: [...new Set(problems)],
  };
}

/** `key=value,key=value`, values percent-encoded. */
function pairsOf(list: string | undefined): Record<string, string> {
  const pairs = (list ?? "").split(",").map((pair) => pair.split("="));
  return Object.fromEntries(
    pairs
      .filter(([key = "", ...value]) => key.trim() !== "" && value.length > 0)
      .map(([key = "", ...value]) => [key.trim(), decoded(value.join("=").trim())]),
  );
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A lone percent sign is what it is.
    return text;
  }
}
