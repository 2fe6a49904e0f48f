// A file of its own in the package: it is loaded only where the environment asks for it.
import { attribute } from "../channel/otlp-span.ts";
import { readSampler } from "../channel/otel-env.ts";
import { newSpanId } from "../channel/trace-context.ts";
import type { Page } from "./metrics.ts";
import { readOtelSettings } from "./otel-settings.ts";
import { OtlpPage } from "./otlp-metrics.ts";
import { OtlpSender } from "./otlp-sender.ts";
import type { RequestDone } from "./request-done.ts";
import { SpanExporter } from "./span-exporter.ts";
import { Tracer } from "./tracer.ts";

/** A receiver that hangs must not keep the runtime from ending. */
const STOP_MS = 5000;

export interface TelemetryOptions {
  env: NodeJS.ProcessEnv;
  modelName: string;
  mask: (text: string) => string;
  onProblem: (message: string) => void;
  /** Everything that /metrics shows. */
  writeMetrics: (page: Page) => Promise<void>;
}

export interface Telemetry {
  /** null where no traces are asked for. */
  tracer: Tracer | null;
  record(request: RequestDone): void;
  modelSpans(payload: Buffer): void;
  /** Sends what there is, and waits no longer than STOP_MS for who takes it. */
  stop(): Promise<void>;
}

/** Traces and metrics over OTLP, to where the environment says. */
export function createTelemetry(options: TelemetryOptions): Telemetry {
  const { env, onProblem, mask } = options;
  const settings = readOtelSettings(env, options.modelName);
  for (const problem of settings.problems) onProblem(problem);
  const started = performance.timeOrigin;
  const attributes = { ...settings.resource, "service.instance.id": newSpanId() };
  const resource = { attributes: Object.entries(attributes).map(([key, text]) => attribute(key, text)) };
  const traceSender = settings.traces === null ? null : new OtlpSender(settings.traces, onProblem);
  const metricSender = settings.metrics === null ? null : new OtlpSender(settings.metrics, onProblem);
  const spans =
    traceSender === null ? null : new SpanExporter({ sender: traceSender, resource, mask, onProblem });
  let exporting: Promise<void> | null = null;

  async function sendMetrics(sender: OtlpSender): Promise<void> {
    const page = new OtlpPage();
    await options.writeMetrics(page);
    const scopeMetrics = [{ scope: { name: "purlin" }, metrics: page.metrics(started) }];
    await sender.send(mask(JSON.stringify({ resourceMetrics: [{ resource, scopeMetrics }] })));
  }

  const exportMetrics = (): Promise<void> => {
    if (metricSender === null) return Promise.resolve();
    return (exporting ??= sendMetrics(metricSender)
      .catch((error: Error) => onProblem(`Metrics could not be made ready to send: ${error.message}`))
      .finally(() => (exporting = null)));
  };
  const timers = [
    setInterval(() => void spans?.flush(), settings.spanDelayMs),
    setInterval(() => void exportMetrics(), settings.metricIntervalMs),
  ];
  for (const timer of timers) timer.unref();

  return {
    tracer: spans === null ? null : new Tracer(readSampler(env)),
    record: (request) => spans?.record(request),
    modelSpans: (payload) => spans?.modelSpans(payload),
    async stop() {
      for (const timer of timers) clearInterval(timer);
      traceSender?.stop();
      metricSender?.stop();
      const late = new Promise<void>((resolve) => setTimeout(resolve, STOP_MS).unref());
      await Promise.race([sendRest(), late]);
    },
  };

  /** What is on its way first, then what has come in since. */
  async function sendRest(): Promise<void> {
    await Promise.all([spans?.flush(), exporting]);
    await Promise.all([spans?.flush(), exportMetrics()]);
  }
}
