import { setTimeout as delay } from "node:timers/promises";
import type { ModelClient } from "../../client/call-model.ts";

export interface RuntimeMetrics {
  inFlight: number;
  queued: number;
  /** Model processes that ended unasked, by reason. */
  restarts: Record<string, number>;
  /** How late the timers of the busiest model process are. */
  lagMs: number;
}

const TIMEOUT_MS = 10_000;
const LOOK_EVERY_MS = 20;

export async function readRuntimeMetrics(client: ModelClient): Promise<RuntimeMetrics> {
  const page = await get(client, "/metrics");
  const values = (name: string): number[] =>
    [...page.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, "gm"))].map(([, value]) =>
      Number(value),
    );
  const restarts = page.matchAll(/^purlin_model_restarts_total\{reason="([^"]*)"\} (\d+)$/gm);
  return {
    inFlight: values("purlin_requests_in_flight")[0] ?? 0,
    queued: values("purlin_queue_depth")[0] ?? 0,
    restarts: Object.fromEntries([...restarts].map(([, reason, count]) => [reason, Number(count)])),
    lagMs: 1000 * Math.max(0, ...values("purlin_event_loop_lag_seconds")),
  };
}

/** Waits until nothing is being worked on; returns what is left after that time, 0 where all has ended. */
export async function whenIdle(client: ModelClient, ms: number): Promise<number> {
  const deadline = performance.now() + ms;
  for (;;) {
    const { inFlight, queued } = await readRuntimeMetrics(client);
    const left = Math.max(inFlight, queued);
    if (left === 0 || performance.now() > deadline) return left;
    await delay(LOOK_EVERY_MS);
  }
}

/** How long the front takes for an answer that needs no model. */
export async function probeFront(client: ModelClient): Promise<number> {
  const began = performance.now();
  await get(client, "/health/live");
  return performance.now() - began;
}

function get(client: ModelClient, path: string): Promise<string> {
  const call = { path, headers: {}, body: null, timeoutMs: TIMEOUT_MS };
  return client.call(call, async ({ body }) => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of body) chunks.push(chunk);
    return Buffer.concat(chunks).toString("utf8");
  });
}
