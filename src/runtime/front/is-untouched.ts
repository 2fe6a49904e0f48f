import type { Job } from "./job.ts";
import type { ModelProcess } from "./model-process.ts";

/** Has no user code run for it, and is all of it still here, so that another process can take it? */
export function isUntouched(job: Job, process: ModelProcess, begun: Set<Job>): boolean {
  if (job.hasSlot) return job.head.hasSlot && job.bodyComplete && !begun.has(job);
  const unprepared = process.info?.methods.includes("preprocess") !== true;
  return job.waiting && job.bodyComplete && unprepared;
}
