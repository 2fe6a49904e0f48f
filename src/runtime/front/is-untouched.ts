import type { Job } from "./job.ts";
import type { ModelProcess } from "./model-process.ts";

/** Has no user code run for it, and is all of it still here, so that another process can take it? */
export function isUntouched(job: Job, process: ModelProcess, begun: Set<Job>): boolean {
  if (job.hasSlot) {
    const waitsForItsTurn = isInLane(job, process) && !begun.has(job);
    return waitsForItsTurn && job.head.hasSlot && job.bodyComplete;
  }
  const unprepared = process.info?.methods.includes("preprocess") !== true;
  return job.waiting && job.bodyComplete && unprepared;
}

/** Could user code have been at work for it when its process ended? */
export function mayHaveRun(job: Job, process: ModelProcess, begun: Set<Job>): boolean {
  if (!job.usesSlot || begun.has(job)) return true;
  // It has given its slot back, or its batch has, and is in postprocess.
  if (job.hasSlot) return !isInLane(job, process);
  return isBeingPrepared(job, process);
}

/** In preprocess, by all that is known. */
export function isBeingPrepared(job: Job, process: ModelProcess): boolean {
  return !job.idleInModel && job.bodyComplete && process.info?.methods.includes("preprocess") === true;
}

function isInLane(job: Job, { lane }: ModelProcess): boolean {
  return lane.has(job.batch ?? job);
}
