import type { Job } from "./job.ts";

/** What holds a slot: a job, or the jobs of a batch. */
export interface SlotHolder {
  /** Which slot of its process it was given, counted from 1 in the order granted. */
  slotNumber: number;
  readonly jobs: readonly Job[];
  /** Nothing else may run beside it. */
  readonly alone: boolean;
}

let grants = 0;

/** What holds a slot of one model process or is next in line for one, in the order granted. */
export class Lane {
  readonly #holders: SlotHolder[] = [];
  #granted = 0;
  /** When a slot was granted last, counted over all processes: of two that are idle, the other one is next. */
  lastGrant = 0;
  /** When a batch ended last, on performance.now(). */
  freedAt = 0;
  /** Slots that the process had used when it ended by itself; unknown while it lives and after a hard crash. */
  begun: number | null = null;

  /** What runs there runs alone. */
  get isClosed(): boolean {
    return this.#holders[0]?.alone === true;
  }

  get length(): number {
    return this.#holders.length;
  }

  grant(holder: SlotHolder): void {
    this.#granted += 1;
    this.lastGrant = ++grants;
    holder.slotNumber = this.#granted;
    this.#holders.push(holder);
  }

  release(holder: SlotHolder): void {
    const place = this.#holders.indexOf(holder);
    if (place !== -1) this.#holders.splice(place, 1);
  }

  has(holder: SlotHolder): boolean {
    return this.#holders.includes(holder);
  }

  /** Is it among the first, whose user code runs? */
  isRunning(holder: SlotHolder, concurrency: number): boolean {
    const place = this.#holders.indexOf(holder);
    return place !== -1 && place < concurrency;
  }

  /**
   * The unanswered jobs whose user code may have run: exactly known where the process could say its last word,
   * otherwise those in its slots and as many as could have had their answers gathered.
   */
  begunJobs(concurrency: number, gathered: number): Set<Job> {
    const { begun } = this;
    const holders =
      begun === null
        ? this.#holders.slice(0, concurrency + gathered)
        : this.#holders.filter(({ slotNumber }) => slotNumber <= begun);
    return new Set(holders.flatMap(({ jobs }) => jobs));
  }

  clear(): void {
    this.#holders.length = 0;
  }
}
