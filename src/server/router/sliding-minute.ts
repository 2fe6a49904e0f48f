export interface MinuteStats {
  requestsPerSecond: number;
  /** Share of `count` that failed, 0 to 1. */
  errorRate: number;
  /** Milliseconds, at most a fifth above the true value; null without a request. */
  p99Ms: number | null;
  count: number;
  errors: number;
}

const SECONDS = 60;
const BUCKETS = 96;
const FIRST_MS = 0.1;
const GROWTH = 1.2;
const LOG_GROWTH = Math.log(GROWTH);

interface Second {
  second: number;
  count: number;
  errors: number;
  answered: number;
  buckets: Uint32Array;
}

/** Requests of the last minute, by the second. A deployment that idles holds nothing. */
export class SlidingMinute {
  #ring: (Second | undefined)[] = [];
  #since: number;

  constructor(nowMs: number) {
    this.#since = Math.floor(nowMs / 1000);
  }

  /** `ms`: null where there was no answer to wait for. */
  add(nowMs: number, ms: number | null, isError: boolean): void {
    const slot = this.#slot(Math.floor(nowMs / 1000));
    slot.count += 1;
    if (isError) slot.errors += 1;
    if (ms === null) return;
    slot.answered += 1;
    const bucket = bucketOf(ms);
    slot.buckets[bucket] = (slot.buckets[bucket] as number) + 1;
  }

  stats(nowMs: number): MinuteStats {
    const now = Math.floor(nowMs / 1000);
    const recent = this.#ring.filter((slot) => slot !== undefined && slot.second > now - SECONDS) as Second[];
    if (recent.length === 0) this.#ring = [];
    const count = recent.reduce((sum, slot) => sum + slot.count, 0);
    const errors = recent.reduce((sum, slot) => sum + slot.errors, 0);
    const answered = recent.reduce((sum, slot) => sum + slot.answered, 0);
    // Who has been there for ten seconds is judged by ten seconds.
    const seconds = Math.min(SECONDS, Math.max(1, now - this.#since + 1));
    return {
      requestsPerSecond: count / seconds,
      errorRate: count === 0 ? 0 : errors / count,
      p99Ms: quantile(recent, Math.ceil(answered * 0.99)),
      count,
      errors,
    };
  }

  #slot(second: number): Second {
    const index = ((second % SECONDS) + SECONDS) % SECONDS;
    const slot = this.#ring[index];
    if (slot?.second === second) return slot;
    const fresh = { second, count: 0, errors: 0, answered: 0, buckets: new Uint32Array(BUCKETS) };
    this.#ring[index] = fresh;
    return fresh;
  }
}

function bucketOf(ms: number): number {
  if (ms <= FIRST_MS) return 0;
  return Math.min(BUCKETS - 1, Math.ceil(Math.log(ms / FIRST_MS) / LOG_GROWTH));
}

/** Upper edge of the bucket that holds the request of this rank. */
function quantile(slots: Second[], rank: number): number | null {
  if (rank === 0) return null;
  let seen = 0;
  for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
    for (const slot of slots) seen += slot.buckets[bucket] as number;
    if (seen >= rank) return FIRST_MS * GROWTH ** bucket;
  }
  return null;
}
