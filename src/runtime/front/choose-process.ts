import { isRow } from "./batcher.ts";
import type { Job } from "./job.ts";
import type { ModelProcess } from "./model-process.ts";

/** The one that has least to do of those that take new jobs. */
export function leastLoaded(processes: readonly ModelProcess[]): ModelProcess | null {
  let best: ModelProcess | null = null;
  for (const process of processes) {
    if (process.state !== "ready") continue;
    if (best === null || process.jobs.size < best.jobs.size) best = process;
  }
  return best;
}

export interface SlotLimits {
  /** Slots of a process. */
  slots: number;
  /** Jobs beyond them that it may hold. */
  ahead: number;
}

/**
 * Among the processes with room for a job that is there for them, the one with most room; of equals, the one that
 * was given none for longest.
 */
export function roomiest(
  processes: readonly ModelProcess[],
  queued: Job | undefined,
  { slots, ahead }: SlotLimits,
): ModelProcess | null {
  let best: ModelProcess | null = null;
  for (const process of processes) {
    const { lane } = process;
    if (lane.length >= (process.batches ? slots : slots + ahead) || lane.isClosed) continue;
    if (nextJob(process, queued) === undefined) continue;
    if (best === null || hasMoreRoom(process, best)) best = process;
  }
  return best;
}

function hasMoreRoom({ lane }: ModelProcess, { lane: other }: ModelProcess): boolean {
  return lane.length < other.length || (lane.length === other.length && lane.lastGrant < other.lastGrant);
}

/** The older one of what waits for this process and of what waits for any; rows of batches are the batcher's. */
export function nextJob(process: ModelProcess, queued: Job | undefined): Job | undefined {
  const wanting = process.wanting.peek();
  const open = process.state === "ready" ? queued : undefined;
  const next = wanting === undefined || (open !== undefined && open.order < wanting.order) ? open : wanting;
  if (next === undefined || (process.batches && isRow(next))) return undefined;
  // Before it may run alone, what runs there ends.
  return next.alone && process.lane.length > 0 ? undefined : next;
}
