const WINDOW_MS = 60_000;
const MOST = 60;

/**
 * Calls without a valid key are told to the audit log, but not without end: whoever has no key must not be able to
 * keep the disk busy, or to fill it.
 */
export class StrangerLimit {
  readonly #now: () => number;
  #since = -Infinity;
  #told = 0;
  #untold = 0;

  /** Milliseconds of a clock that never goes back. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** How many were not told since the last one that was; null: this one is not told either. */
  admit(): number | null {
    const at = this.#now();
    if (at - this.#since >= WINDOW_MS) [this.#since, this.#told] = [at, 0];
    if (this.#told === MOST) {
      this.#untold += 1;
      return null;
    }
    this.#told += 1;
    const untold = this.#untold;
    this.#untold = 0;
    return untold;
  }
}
