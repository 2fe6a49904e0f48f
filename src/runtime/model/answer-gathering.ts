import { MAX_GATHERED_ANSWERS } from "../channel/frames.ts";

/** Requests that take longer have their answers written before the next one runs. */
const QUICK_MS = 0.1;
/** An answer waits no longer than this for others. */
const MAX_WAIT_MS = 0.25;

/**
 * When finished answers may wait for the next request's, so that they share a write: only while requests are
 * so quick that the write is what costs.
 */
export class AnswerGathering {
  #typicalMs = Infinity;
  #count = 0;
  #since = 0;

  observe(ms: number): void {
    // One slow request ends it at once; it takes some quick ones to begin it again.
    this.#typicalMs = ms > QUICK_MS || this.#typicalMs === Infinity ? ms : this.#typicalMs * 0.8 + ms * 0.2;
  }

  /** Asked before each request: false says that what is finished must be written first. */
  mayGoOn(): boolean {
    const now = performance.now();
    if (this.#count === 0) this.#since = now;
    this.#count += 1;
    const goOn =
      this.#typicalMs < QUICK_MS && this.#count <= MAX_GATHERED_ANSWERS && now - this.#since < MAX_WAIT_MS;
    if (!goOn) {
      this.#count = 1;
      this.#since = now;
    }
    return goOn;
  }
}
