import type { Job } from "./job.ts";

/** So many places are looked through for cancelled jobs at the earliest. */
const FIRST_SWEEP = 1024;

/** First in, first out; removal of a cancelled job is a mark that `shift` skips. */
export class JobQueue {
  #jobs: (Job | undefined)[] = [];
  #head = 0;
  #sweepAt = FIRST_SWEEP;

  /** Places taken, those of cancelled jobs among them. */
  get places(): number {
    return this.#jobs.length - this.#head;
  }

  push(job: Job): void {
    this.#jobs.push(job);
    if (this.#jobs.length >= this.#sweepAt) this.#sweep();
  }

  /** Back to the front, in order: jobs that a dead process had not begun. */
  unshift(jobs: Job[]): void {
    this.#jobs = [...jobs, ...this.#jobs.slice(this.#head)];
    this.#head = 0;
  }

  peek(): Job | undefined {
    while (this.#head < this.#jobs.length) {
      const job = this.#jobs[this.#head];
      if (job !== undefined && !job.cancelled) return job;
      this.#head += 1;
    }
    this.#jobs.length = this.#head = 0;
    return undefined;
  }

  shift(): Job | undefined {
    const job = this.peek();
    if (job === undefined) return undefined;
    this.#jobs[this.#head] = undefined;
    this.#tidy();
    return job;
  }

  /** The oldest ones, so many at most. */
  first(most: number): Job[] {
    const found: Job[] = [];
    for (let i = this.#head; i < this.#jobs.length && found.length < most; i++) {
      const job = this.#jobs[i];
      if (job !== undefined && !job.cancelled) found.push(job);
    }
    return found;
  }

  /** Takes out those of the oldest ones that are among `jobs`. */
  remove(jobs: readonly Job[]): void {
    const wanted = new Set(jobs);
    for (let i = this.#head; i < this.#jobs.length && wanted.size > 0; i++) {
      const job = this.#jobs[i];
      if (job !== undefined && wanted.delete(job)) this.#jobs[i] = undefined;
    }
    this.#tidy();
  }

  takeAll(): Job[] {
    const jobs = this.#jobs.slice(this.#head).filter((job) => job !== undefined && !job.cancelled) as Job[];
    this.#jobs.length = this.#head = 0;
    return jobs;
  }

  /** Behind a job that takes long, clients come and go: what they leave must not gather. */
  #sweep(): void {
    this.#jobs = this.#jobs.slice(this.#head).filter((job) => job !== undefined && !job.cancelled);
    this.#head = 0;
    this.#sweepAt = Math.max(FIRST_SWEEP, 2 * this.#jobs.length);
  }

  #tidy(): void {
    while (this.#head < this.#jobs.length && this.#jobs[this.#head] === undefined) this.#head += 1;
    if (this.#head <= 1024 || this.#head * 2 <= this.#jobs.length) return;
    this.#jobs = this.#jobs.slice(this.#head);
    this.#head = 0;
  }
}
