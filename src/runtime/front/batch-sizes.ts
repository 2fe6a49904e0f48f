/** So many batches of a size are needed to judge it. */
const ENOUGH = 3;
/** A size that costs more than this times the best one a row is left out. */
const WORSE = 1.1;
/** After so many batches a size that was left out is tried again: the model warms up, its inputs change. */
const RETRY_AFTER = 200;
const LEARN = 0.3;

interface Bucket {
  batches: number;
  /** Milliseconds of a row, recent ones weighing more. */
  rowMs: number;
  /** How many batches there had been when it was seen last. */
  seenAt: number;
}

/**
 * What a row costs by the size of its batch, in powers of two. More is not always better: a network that computes on
 * a processor may well take longer a row once its batch has outgrown the caches.
 */
export class BatchSizes {
  /** Place i is for sizes from 2^i to below 2^(i+1). */
  readonly #buckets: Bucket[] = [];
  #batches = 0;

  observe(rows: number, ms: number): void {
    this.#batches += 1;
    const rowMs = ms / rows;
    const bucket = (this.#buckets[bucketOf(rows)] ??= { batches: 0, rowMs, seenAt: 0 });
    // What has not been tried for long is judged anew.
    if (this.#isStale(bucket)) bucket.batches = 0;
    bucket.rowMs = bucket.batches === 0 ? rowMs : bucket.rowMs + (rowMs - bucket.rowMs) * LEARN;
    bucket.batches += 1;
    bucket.seenAt = this.#batches;
  }

  /** The largest size up to `most` that is not known to waste time. */
  best(most: number): number {
    const known = this.#buckets.filter((bucket) => bucket.batches >= ENOUGH && !this.#isStale(bucket));
    const least = Math.min(...known.map(({ rowMs }) => rowMs));
    for (let i = bucketOf(most); i > 0; i--) {
      const bucket = this.#buckets[i];
      const isWasteful = bucket !== undefined && known.includes(bucket) && bucket.rowMs > WORSE * least;
      if (!isWasteful) return Math.min(most, 2 ** (i + 1) - 1);
    }
    return 1;
  }

  #isStale({ seenAt }: Bucket): boolean {
    return this.#batches - seenAt > RETRY_AFTER;
  }
}

function bucketOf(rows: number): number {
  return Math.floor(Math.log2(rows));
}
