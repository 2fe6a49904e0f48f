import type { Job } from "./job.ts";

/** The jobs of one model process that hold a slot or are next in line for one, in the order granted. */
export class Lane {
  readonly #jobs: Job[] = [];
  #granted = 0;
  /** Slots that the process had used when it ended by itself; unknown while it lives and after a hard crash. */
  begun: number | null = null;

  get length(): number {
    return this.#jobs.length;
  }

  grant(job: Job): void {
    this.#granted += 1;
    job.hasSlot = true;
    job.slotNumber = this.#granted;
    job.granted = performance.now();
    this.#jobs.push(job);
  }

  release(job: Job): void {
    const place = this.#jobs.indexOf(job);
    if (place !== -1) this.#jobs.splice(place, 1);
  }

  has(job: Job): boolean {
    return this.#jobs.includes(job);
  }

  /** Is it among the first, whose user code runs? */
  isRunning(job: Job, concurrency: number): boolean {
    const place = this.#jobs.indexOf(job);
    return place !== -1 && place < concurrency;
  }

  /**
   * The unanswered jobs whose user code may have run: exactly known where the process could say its last word,
   * otherwise those in its slots and as many as could have had their answers gathered.
   */
  begunJobs(concurrency: number, gathered: number): Set<Job> {
    const { begun } = this;
    if (begun !== null) return new Set(this.#jobs.filter((job) => job.slotNumber <= begun));
    return new Set(this.#jobs.slice(0, concurrency + gathered));
  }

  clear(): void {
    this.#jobs.length = 0;
  }
}
