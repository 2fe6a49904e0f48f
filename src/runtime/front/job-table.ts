import type { Job } from "./job.ts";

/**
 * The jobs of one model process by their id on the channel. Ids are places in an array, used again and again:
 * a Map under constant churn leaves chains of dead tables that drag every job into the old generation, which
 * is a fifth of the front's time in garbage collection.
 */
export class JobTable {
  readonly #jobs: (Job | undefined)[] = [];
  readonly #free: number[] = [];
  size = 0;

  /** Gives the job its id. */
  add(job: Job): void {
    job.id = this.#free.pop() ?? this.#jobs.length;
    this.#jobs[job.id] = job;
    this.size += 1;
  }

  get(id: number): Job | undefined {
    return this.#jobs[id];
  }

  has(job: Job): boolean {
    return this.#jobs[job.id] === job;
  }

  remove(job: Job): void {
    if (!this.has(job)) return;
    this.#jobs[job.id] = undefined;
    this.#free.push(job.id);
    this.size -= 1;
  }

  all(): Job[] {
    return this.#jobs.filter((job) => job !== undefined);
  }
}
