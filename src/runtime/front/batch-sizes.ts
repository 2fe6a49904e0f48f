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
    const bucket = (this.#buckets[bucketOf(rows)] ??= { batches: 0, rowMs, seenAt: this.#batches });
    // What has not been tried for long is judged anew.
    if (this.#isStale(bucket)) bucket.batches = 0;
    bucket.rowMs = bucket.batches === 0 ? rowMs : bucket.rowMs + (rowMs - bucket.rowMs) * LEARN;
    bucket.batches += 1;
    bucket.seenAt = this.#batches;
  }

  /** The largest size up to `most` before those that are known to waste time. */
  best(most: number): number {
    const least = Math.min(
      ...this.#buckets.filter((bucket) => this.#isKnown(bucket)).map(({ rowMs }) => rowMs),
    );
    const best = this.#buckets.findIndex((bucket) => this.#isKnown(bucket) && bucket.rowMs === least);
    const wasteful = this.#buckets.findIndex(
      (bucket, i) => i > best && this.#isKnown(bucket) && bucket.rowMs > WORSE * least,
    );
    return wasteful === -1 ? most : Math.min(most, 2 ** wasteful - 1);
  }

  #isKnown(bucket: Bucket | undefined): boolean {
    return bucket !== undefined && bucket.batches >= ENOUGH && !this.#isStale(bucket);
  }

  #isStale({ seenAt }: Bucket): boolean {
    return this.#batches - seenAt > RETRY_AFTER;
  }
}

function bucketOf(rows: number): number {
  return Math.floor(Math.log2(rows));
}
