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

  /** More of a job's body has come; what was declared has been counted beforehand. */
  grow(job: Job, bytes: number): void {
    job.receivedBytes += bytes;
    const beyond = job.receivedBytes - job.bodyBytes;
    if (beyond <= 0) return;
    job.bodyBytes += beyond;
    if (job.waiting) this.bytes += beyond;
  }
}
