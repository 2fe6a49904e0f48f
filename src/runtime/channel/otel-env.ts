/** What both sides of the channel need of OpenTelemetry's environment variables; nothing here costs a start. */

type Env = Readonly<Record<string, string | undefined>>;
export type Signal = "TRACES" | "METRICS";

/** Where a signal is sent to; undefined where nobody asked for it. */
export function otlpUrl(env: Env, signal: Signal): string | undefined {
  if (env["OTEL_SDK_DISABLED"]?.toLowerCase() === "true" || env[`OTEL_${signal}_EXPORTER`] === "none")
    return undefined;
  const own = env[`OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`];
  if (own !== undefined && own !== "") return own;
  const shared = env["OTEL_EXPORTER_OTLP_ENDPOINT"];
  if (shared === undefined || shared === "") return undefined;
  return `${shared.replace(/\/+$/, "")}/v1/${signal.toLowerCase()}`;
}

/** Decides for traces that begin here; `parent` is what the caller has decided. */
export type Sampler = (traceId: string, parent: boolean | null) => boolean;

export const SAMPLERS = [
  "always_on",
  "always_off",
  "traceidratio",
  "parentbased_always_on",
  "parentbased_always_off",
  "parentbased_traceidratio",
];

/** As OTEL_TRACES_SAMPLER has it; an unknown name is the default, which follows the caller. */
export function readSampler(env: Env): Sampler {
  const asked = env["OTEL_TRACES_SAMPLER"] ?? "";
  const name = SAMPLERS.includes(asked) ? asked : "parentbased_always_on";
  const follows = name.startsWith("parentbased_");
  const root = follows ? name.slice("parentbased_".length) : name;
  const ratio =
    root === "always_on" ? 1 : root === "always_off" ? 0 : readRatio(env["OTEL_TRACES_SAMPLER_ARG"]);
  return (traceId, parent) => (follows && parent !== null ? parent : isWithin(traceId, ratio));
}

/** By the id alone, so that every process decides alike about a trace. */
function isWithin(traceId: string, ratio: number): boolean {
  return ratio >= 1 || Number.parseInt(traceId.slice(-13), 16) < ratio * 2 ** 52;
}

function readRatio(text: string | undefined): number {
  const ratio = Number(text ?? 1);
  return ratio >= 0 && ratio <= 1 ? ratio : 1;
}
