const FIRST_MS = 1000;
const LONGEST_MS = 30_000;

/** Between attempts at the same thing: doubled each time, until one of them ends it. */
export class GrowingPause {
  #ms = FIRST_MS;
  #timer: NodeJS.Timeout | null = null;

  again(attempt: () => void): void {
    this.#clear();
    this.#timer = setTimeout(attempt, this.#ms);
    this.#ms = Math.min(LONGEST_MS, this.#ms * 2);
  }

  end(): void {
    this.#clear();
    this.#ms = FIRST_MS;
  }

  #clear(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
