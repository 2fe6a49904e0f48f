import { isPredict } from "../../protocol/methods.ts";
import type { RuntimeConfig } from "../../protocol/config.ts";
import type { BatchOutcome } from "../channel/batch-frame.ts";
import { monotonicMs } from "../channel/monotonic-ms.ts";
import { Batch } from "./batch.ts";
import { BatchPolicy } from "./batch-policy.ts";
import type { Job } from "./job.ts";
import type { JobQueue } from "./job-queue.ts";
import type { Metrics } from "./metrics.ts";
import type { ModelProcess } from "./model-process.ts";

export interface BatcherOptions {
  runtime: () => RuntimeConfig;
  metrics: Metrics;
  /** Gives the rows to the process, where the batch holds a slot. */
  send: (batch: Batch) => void;
  /** To be called when a wait is over. */
  wake: () => void;
}

/** Where rows wait: those that any process may take, and those that one of them has prepared. */
export interface Waiters {
  queue: JobQueue;
  processes: readonly ModelProcess[];
}

/** A timer that is shorter than this fires late by as much again: one more turn of the loop does better. */
const SHORTEST_TIMER_MS = 1;

/** Makes batches of the rows that wait, each time a slot is free. */
export class Batcher {
  readonly #options: BatcherOptions;
  readonly #policy = new BatchPolicy();
  #timer: NodeJS.Timeout | null = null;
  /** The next turn of the loop looks again. */
  #hasTurn = false;
  #lastArrival = 0;
  /** Those that run, by their number. */
  readonly #running = new Map<number, Batch>();
  #nextNumber = 1;

  constructor(options: BatcherOptions) {
    this.#options = options;
  }

  /** Milliseconds of slot time that a row takes, its share of a batch. */
  get rowMs(): number {
    return this.#policy.rowMs;
  }

  /** The row can run from now on. */
  arrived(job: Job): void {
    this.#lastArrival = job.ready = performance.now();
    this.#policy.arrived(this.#lastArrival);
  }

  /** Sends the batches that should go now, and sees to it that the others are looked at again. True: some went. */
  pump(waiters: Waiters): boolean {
    let wait = Infinity;
    for (const process of this.#freeProcesses(waiters.processes)) {
      const ms = this.#serve(process, waiters);
      if (ms === 0) return true;
      wait = Math.min(wait, ms);
    }
    this.#lookAgain(wait);
    return false;
  }

  /** The batch with that number has run, and gives its slot back; so many jobs wait. */
  ended(number: number, outcome: BatchOutcome, waiting: number): void {
    const batch = this.#running.get(number);
    if (batch === undefined) return;
    const rows = [...this.#running.values()].reduce((sum, { size }) => sum + size, 0);
    this.#options.metrics.observeBatch(outcome);
    this.#policy.ended({ ...outcome, together: rows + waiting }, performance.now());
    this.#forget(batch);
  }

  /** What ran in the process runs no longer. */
  processDied(process: ModelProcess): void {
    for (const batch of this.#running.values()) if (batch.process === process) this.#forget(batch);
  }

  #forget(batch: Batch): void {
    this.#running.delete(batch.number);
    batch.process.lane.release(batch);
    batch.process.lane.freedAt = performance.now();
  }

  /** Those with a free slot, the one with most room first. */
  #freeProcesses(processes: readonly ModelProcess[]): ModelProcess[] {
    const slots = this.#options.runtime().predict_concurrency;
    return processes
      .filter(({ lane }) => lane.length < slots && !lane.isClosed)
      .sort((a, b) => a.lane.length - b.lane.length || a.lane.lastGrant - b.lane.lastGrant);
  }

  /** 0: a batch was sent. Otherwise the milliseconds to wait for more rows, Infinity where there are none. */
  #serve(process: ModelProcess, { queue, processes }: Waiters): number {
    const { batching, predict_concurrency: slots } = this.#options.runtime();
    const maxSize = this.#maxSize;
    const maxWaitMs = batching?.max_wait_ms ?? 0;
    const fullAt = this.#policy.fullAt(maxSize, Math.max(1, processes.length) * slots);
    const rows = this.#candidates(
      process,
      queue,
      Math.max(fullAt, this.#share(process, { queue, processes })),
    );
    const [oldest] = rows;
    if (oldest === undefined || (oldest.alone && process.lane.length > 0)) return Infinity;
    const now = performance.now();
    const since = Math.max(oldest.ready, process.lane.freedAt);
    const waiting = { rows: rows.length, since, lastArrival: this.#lastArrival, timeLeft: timeLeft(rows) };
    const wait = oldest.alone ? 0 : this.#policy.waitMs(waiting, { fullAt, maxWaitMs }, now);
    if (wait > 0) return wait;
    this.#take(rows.slice(0, maxSize), process, queue);
    return 0;
  }

  get #maxSize(): number {
    return this.#policy.mostRows(this.#options.runtime().batching?.max_size ?? 1);
  }

  /** With several free slots, each takes its part of what waits. */
  #share(process: ModelProcess, { queue, processes }: Waiters): number {
    const { predict_concurrency: slots } = this.#options.runtime();
    const free = processes.reduce((sum, { lane }) => sum + Math.max(0, slots - lane.length), 0);
    const maxSize = this.#maxSize;
    const waiting = queue.first(maxSize * Math.max(1, free)).length + process.wanting.first(maxSize).length;
    return Math.min(maxSize, Math.ceil(waiting / Math.max(1, free)));
  }

  /** The oldest rows that the process could take, so many at most; one that must be alone is alone. */
  #candidates(process: ModelProcess, queue: JobQueue, most: number): Job[] {
    const open = process.state === "ready" ? rowsAhead(queue.first(most)) : [];
    const rows = [...rowsAhead(process.wanting.first(most)), ...open]
      .sort((a, b) => a.order - b.order)
      .slice(0, most);
    const lone = rows.findIndex(({ alone }) => alone);
    if (lone === -1) return rows;
    return lone === 0 ? rows.slice(0, 1) : rows.slice(0, lone);
  }

  #take(rows: Job[], process: ModelProcess, queue: JobQueue): void {
    queue.remove(rows);
    process.wanting.remove(rows);
    const batch = new Batch(this.#nextNumber, process, rows);
    this.#nextNumber = (this.#nextNumber % 0xffff_ffff) + 1;
    this.#running.set(batch.number, batch);
    process.lane.grant(batch);
    this.#options.send(batch);
  }

  #lookAgain(waitMs: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (waitMs < SHORTEST_TIMER_MS) {
      if (this.#hasTurn) return;
      this.#hasTurn = true;
      setImmediate(() => {
        this.#hasTurn = false;
        this.#options.wake();
      });
    } else if (waitMs !== Infinity) {
      this.#timer = setTimeout(() => {
        this.#timer = null;
        this.#options.wake();
      }, waitMs);
    }
  }
}

/** A call of predict that is ready to run; other methods have slots of their own, and what must be prepared is not ready. */
export function isRow(job: Job): boolean {
  return isPredict(job.head.method) && (!job.goesAhead || job.idleInModel);
}

/** What is no row has its turn before the rows behind it. */
function rowsAhead(jobs: Job[]): Job[] {
  const end = jobs.findIndex((job) => !isRow(job));
  return end === -1 ? jobs : jobs.slice(0, end);
}

function timeLeft(rows: readonly Job[]): number {
  let least = Infinity;
  for (const { head } of rows) if (head.deadline !== 0) least = Math.min(least, head.deadline);
  return least === Infinity ? Infinity : least - monotonicMs();
}
