import { BatchSizes } from "./batch-sizes.ts";

/** Older batches weigh less and less in the cost model: a model warms up, its inputs change. */
const FORGET = 0.95;
/** How fast the expectations follow what is seen. */
const LEARN = 0.2;
/** Arrivals may be that many times later than expected before they are waited for no longer. */
const LATE = 8;
/** Gaps longer than so many times what a batch costs beside its rows are all the same. */
const LONG_GAP = 4;
/** After so many gaps without work a model is free. */
const IDLE_GAPS = 4;
/** A model that has had nothing to do for longer than arrivals take is free, not between two batches. */
const LEAST_IDLE_MS = 1;
const LONG_GAP_MS = 100;

export interface Waiting {
  /** Rows that could go now. */
  rows: number;
  /** When the slot and the oldest row were both there, on performance.now(). */
  since: number;
  /** When the newest row came. */
  lastArrival: number;
  /** Milliseconds until a row among them is out of time; Infinity where none has a deadline. */
  timeLeft: number;
}

/**
 * Decides when a batch has rows enough. What a batch costs is learned as fixed + perRow * rows; a batch that is sent
 * now instead of with one row more costs the model `fixed` once again, shared by its rows. Waiting for that row
 * pays while it is expected sooner than that. Nobody waits beside a model that was free when they came, nor for
 * more rows than have been under way together lately.
 */
export class BatchPolicy {
  /** Sums of the weighted least squares: of weights, rows, rows squared, ms, rows times ms. */
  #weight = 0;
  #rows = 0;
  #rowsSquared = 0;
  #ms = 0;
  #rowsMs = 0;
  readonly #sizes = new BatchSizes();
  #together = 1;
  #gap = Infinity;
  #lastArrival = -Infinity;
  #lastEnd = -Infinity;
  /** The first row that came after the last batch found the model without work for long. */
  #fresh = true;

  /** Milliseconds of a row's share in recent batches; 0 while none is known. */
  get rowMs(): number {
    return this.#rows === 0 ? 0 : this.#ms / this.#rows;
  }

  /** Milliseconds of a batch that do not depend on its rows. */
  get fixedMs(): number {
    if (this.#weight === 0) return 0;
    const spread = this.#weight * this.#rowsSquared - this.#rows ** 2;
    const mean = this.#ms / this.#weight;
    // Batches of one size tell nothing of another: half is a guess that makes sizes differ, which tells.
    if (spread < 1e-6 * this.#weight) return mean / 2;
    const perRow = (this.#weight * this.#rowsMs - this.#rows * this.#ms) / spread;
    return Math.min(mean, Math.max(0, (this.#ms - perRow * this.#rows) / this.#weight));
  }

  /** A row has come. */
  arrived(now: number): void {
    // A row cannot come of a client that still waits for its answer, so time counts from there.
    const gap = now - Math.max(this.#lastArrival, this.#lastEnd);
    if (this.#lastArrival < this.#lastEnd) this.#fresh = gap > Math.max(LEAST_IDLE_MS, IDLE_GAPS * this.#gap);
    if (Number.isFinite(gap)) {
      // Beyond what anybody would wait for, longer is no different: a quiet hour is forgotten after a few rows.
      const told = Math.min(gap, this.#weight === 0 ? LONG_GAP_MS : LONG_GAP * this.fixedMs);
      this.#gap = this.#gap === Infinity ? told : mix(this.#gap, told);
    }
    this.#lastArrival = now;
  }

  /** A batch has ended; `together` rows were in batches or waiting at that moment, its own included. */
  ended(batch: { rows: number; ms: number; together: number }, now: number): void {
    this.#lastEnd = now;
    this.#fresh = false;
    this.#together = Math.max(batch.together, mix(this.#together, batch.together));
    if (batch.rows === 0) return;
    this.#sizes.observe(batch.rows, batch.ms);
    this.#weight = this.#weight * FORGET + 1;
    this.#rows = this.#rows * FORGET + batch.rows;
    this.#rowsSquared = this.#rowsSquared * FORGET + batch.rows ** 2;
    this.#ms = this.#ms * FORGET + batch.ms;
    this.#rowsMs = this.#rowsMs * FORGET + batch.rows * batch.ms;
  }

  /** Most rows of a batch, where config.yaml allows `maxSize`: no more than has proved to pay. */
  mostRows(maxSize: number): number {
    return this.#sizes.best(maxSize);
  }

  /** Rows of a batch that is worth no more waiting, where so many slots share the traffic. */
  fullAt(maxSize: number, slots: number): number {
    return Math.max(1, Math.min(maxSize, Math.round(this.#together / slots)));
  }

  /** Milliseconds to wait for another row from now; 0: send what there is. */
  waitMs(waiting: Waiting, limits: { fullAt: number; maxWaitMs: number }, now: number): number {
    const { rows, since, lastArrival, timeLeft } = waiting;
    if (rows >= limits.fullAt || this.#fresh || rows === 0) return 0;
    const fixed = this.fixedMs;
    const breakEven = fixed / rows;
    if (this.#gap >= breakEven) return 0;
    const from = Math.max(since, lastArrival, this.#lastEnd);
    const late = Math.max(LATE * this.#gap, breakEven / 4);
    const patience = Math.min(breakEven, late) - (now - from);
    const allowed = limits.maxWaitMs - (now - since);
    const inTime = timeLeft - fixed - this.rowMs * rows;
    return Math.max(0, Math.min(patience, allowed, inTime));
  }
}

function mix(before: number, seen: number): number {
  return before + (seen - before) * LEARN;
}
