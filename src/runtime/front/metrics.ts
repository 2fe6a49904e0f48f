import type { BatchOutcome } from "../channel/batch-frame.ts";
import type { Timings } from "../channel/response-frame.ts";

const BUCKETS_SECONDS = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
];

const BUCKETS_ROWS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];

/** Buckets, sum and count of values; observing is an index and three additions. */
export class Histogram {
  readonly bounds: readonly number[];
  readonly counts: Float64Array;
  sum = 0;
  count = 0;

  constructor(bounds: readonly number[] = BUCKETS_SECONDS) {
    this.bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number): void {
    let i = 0;
    while (i < this.bounds.length && value > (this.bounds[i] as number)) i++;
    this.counts[i] = (this.counts[i] as number) + 1;
    this.sum += value;
    this.count += 1;
  }
}

/** The figures of a runtime, counted where they happen: in the front, so they survive any model process. */
export class Metrics {
  /** By route and status. */
  readonly requests = new Map<string, Map<number, number>>();
  readonly durations = {
    queue: new Histogram(),
    preprocess: new Histogram(),
    predict: new Histogram(),
    postprocess: new Histogram(),
    total: new Histogram(),
  };
  readonly batches = { rows: new Histogram(BUCKETS_ROWS), seconds: new Histogram() };
  cancellations = 0;
  readonly restarts = new Map<string, number>();
  loadSeconds = 0;

  request(route: string, status: number): void {
    let byStatus = this.requests.get(route);
    if (byStatus === undefined) this.requests.set(route, (byStatus = new Map()));
    byStatus.set(status, (byStatus.get(status) ?? 0) + 1);
  }

  /** The phases of a job that has been answered. */
  observeJob(job: { arrived: number; granted: number; usesSlot: boolean }, timings: Timings): void {
    const { queue, preprocess, predict, postprocess } = this.durations;
    if (job.usesSlot) queue.observe(Math.max(0, job.granted - job.arrived - timings.preprocess) / 1000);
    if (timings.preprocess > 0) preprocess.observe(timings.preprocess / 1000);
    if (timings.predict > 0) predict.observe(timings.predict / 1000);
    if (timings.postprocess > 0) postprocess.observe(timings.postprocess / 1000);
  }

  observeBatch({ rows, ms }: BatchOutcome): void {
    if (rows === 0) return;
    this.batches.rows.observe(rows);
    this.batches.seconds.observe(ms / 1000);
  }

  restart(reason: string): void {
    this.restarts.set(reason, (this.restarts.get(reason) ?? 0) + 1);
  }
}

export interface Gauges {
  inFlight: number;
  queued: number;
  queuedBytes: number;
  poisonRefusals: number;
  ready: boolean;
  processes: {
    worker: number;
    place: number;
    devices: string | null;
    state: string;
    rss: number;
    lagMs: number;
  }[];
}

export function writeMetrics(out: Page, metrics: Metrics, gauges: Gauges): void {
  out.head("purlin_requests_total", "counter", "Requests answered, by route and status.");
  for (const [route, byStatus] of metrics.requests) {
    for (const [status, count] of byStatus) out.line("purlin_requests_total", { route, status }, count);
  }
  for (const [phase, histogram] of Object.entries(metrics.durations)) {
    out.histogram(`purlin_${phase}_duration_seconds`, `Seconds of a request: ${phase}.`, histogram);
  }
  const { rows, seconds } = metrics.batches;
  out.histogram("purlin_batch_rows", "Rows that a call of predictBatch was given.", rows);
  out.histogram("purlin_batch_duration_seconds", "Seconds of a call of predictBatch.", seconds);
  out.single(
    "purlin_cancellations_total",
    "counter",
    "Requests whose client went or whose time ran out.",
    metrics.cancellations,
  );
  out.head("purlin_model_restarts_total", "counter", "Model processes that ended unasked, by reason.");
  for (const [reason, count] of metrics.restarts) out.line("purlin_model_restarts_total", { reason }, count);
  out.single("purlin_load_seconds", "gauge", "Seconds that the last load took.", metrics.loadSeconds);
  out.single("purlin_ready", "gauge", "1 while requests are taken.", gauges.ready ? 1 : 0);
  out.single("purlin_requests_in_flight", "gauge", "Requests being worked on.", gauges.inFlight);
  out.single("purlin_queue_depth", "gauge", "Requests that wait for a slot.", gauges.queued);
  out.single("purlin_queue_bytes", "gauge", "Body bytes of the requests that wait.", gauges.queuedBytes);
  out.single(
    "purlin_poison_refusals_total",
    "counter",
    "Requests refused because their body keeps ending model processes.",
    gauges.poisonRefusals,
  );
  out.head(
    "purlin_worker_info",
    "gauge",
    "1 for each model process: its place among the workers, its devices.",
  );
  for (const { worker, place, devices, state } of gauges.processes)
    out.line("purlin_worker_info", { worker, place, devices: devices ?? "all", state }, 1);
  out.head("purlin_event_loop_lag_seconds", "gauge", "How late the model process's timers fire.");
  for (const { worker, lagMs } of gauges.processes)
    out.line("purlin_event_loop_lag_seconds", { worker }, lagMs / 1000);
  out.head("purlin_resident_memory_bytes", "gauge", "Resident memory by process.");
  out.line("purlin_resident_memory_bytes", { process: "front" }, process.memoryUsage.rss());
  for (const { worker, rss } of gauges.processes) {
    out.line("purlin_resident_memory_bytes", { process: `model-${worker}` }, rss);
  }
}

/** Where metrics are written to: each head is followed by its lines. */
export abstract class Page {
  abstract head(name: string, type: string, help: string): void;
  abstract line(name: string, labels: Record<string, unknown>, value: number): void;

  single(name: string, type: string, help: string, value: number): void {
    this.head(name, type, help);
    this.line(name, {}, value);
  }

  histogram(name: string, help: string, histogram: Histogram): void {
    this.head(name, "histogram", help);
    let below = 0;
    histogram.bounds.forEach((bound, i) => {
      below += histogram.counts[i] as number;
      this.line(`${name}_bucket`, { le: bound }, below);
    });
    this.line(`${name}_bucket`, { le: "+Inf" }, histogram.count);
    this.line(`${name}_sum`, {}, histogram.sum);
    this.line(`${name}_count`, {}, histogram.count);
  }
}

/** Prometheus text exposition. */
export class TextPage extends Page {
  text = "";

  head(name: string, type: string, help: string): void {
    this.text += `# HELP ${name} ${help.replace(/\\/g, "\\\\").replace(/\n/g, "\\n")}\n# TYPE ${name} ${type}\n`;
  }

  line(name: string, labels: Record<string, unknown>, value: number): void {
    const pairs = Object.entries(labels).map(([key, label]) => `${key}="${escapeLabel(String(label))}"`);
    this.text += `${name}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${numberText(value)}\n`;
  }
}

function escapeLabel(text: string): string {
  return text.replace(/\\/g, "\\\\").replace(/"/g, '\\"').replace(/\n/g, "\\n");
}

function numberText(value: number): string {
  if (value === Infinity) return "+Inf";
  return value === -Infinity ? "-Inf" : String(value);
}
