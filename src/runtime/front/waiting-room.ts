import type { Job } from "./job.ts";

/** Counts the jobs that wait for a slot, wherever they wait, and the bytes of their bodies. */
export class WaitingRoom {
  jobs = 0;
  bytes = 0;

  enter(job: Job): void {
    if (job.waiting) return;
    job.waiting = true;
    this.jobs += 1;
    this.bytes += job.bodyBytes;
  }

  leave(job: Job): void {
    if (!job.waiting) return;
    job.waiting = false;
    this.jobs -= 1;
    this.bytes -= job.bodyBytes;
  }

  /** A waiting job's body has grown. */
  grow(job: Job, bytes: number): void {
    job.bodyBytes += bytes;
    if (job.waiting) this.bytes += bytes;
  }
}
