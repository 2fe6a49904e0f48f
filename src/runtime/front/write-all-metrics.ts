import type { Dispatcher } from "./dispatcher.ts";
import { writeMetrics, type Metrics, type Page } from "./metrics.ts";
import type { Poison } from "./poison.ts";
import type { ProcessPool } from "./process-pool.ts";
import type { UserMetrics } from "./user-metrics.ts";

export interface MetricSources {
  pool: ProcessPool;
  dispatcher: Dispatcher;
  poison: Poison;
  metrics: Metrics;
  userMetrics: UserMetrics;
}

/** The runtime's metrics and those of user code, as they are now. */
export async function writeAllMetrics(page: Page, sources: MetricSources): Promise<void> {
  const { pool, dispatcher, poison, metrics, userMetrics } = sources;
  await Promise.all(pool.all.map((process) => process.refreshUserMetrics()));
  writeMetrics(page, metrics, {
    inFlight: dispatcher.inFlight,
    queued: dispatcher.queued,
    queuedBytes: dispatcher.queuedBytes,
    poisonRefusals: poison.refusals,
    ready: pool.state === "ready",
    processes: pool.all,
  });
  userMetrics.write(
    page,
    pool.all.map((process) => process.userMetrics),
  );
}
