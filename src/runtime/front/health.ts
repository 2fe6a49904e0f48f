import { ToModel } from "../channel/frames.ts";
import type { ProcessPool } from "./process-pool.ts";

/** isHealthy is given this long; a busy model keeps the opinion it had (contract §6). */
const OPINION_MS = 100;

export interface Readiness {
  ready: boolean;
  /** loading, ready, restarting, failed, draining, unhealthy. */
  state: string;
  reason?: string;
}

/** May requests be sent here now? Asks the models that have an opinion. */
export async function readiness(pool: ProcessPool, draining: boolean): Promise<Readiness> {
  if (draining) return { ready: false, state: "draining" };
  if (pool.state !== "ready") {
    return { ready: false, state: pool.state, ...(pool.failure === "" ? {} : { reason: pool.failure }) };
  }
  const opinions = await Promise.all(
    pool.ready.map(async (process) => {
      if (process.info?.hasHealth !== true) return true;
      const answer = await process.call(ToModel.HEALTH, undefined, OPINION_MS);
      if (answer !== null) process.lastHealthy = answer.toString() === "true";
      return process.lastHealthy;
    }),
  );
  const healthy = opinions.some(Boolean);
  return healthy ? { ready: true, state: "ready" } : { ready: false, state: "unhealthy" };
}
