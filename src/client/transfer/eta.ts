/** The last seconds count: a network is rarely as fast as it was a minute ago. */
const WINDOW_MS = 10_000;
/** Before that nothing is said: a guess from one second is none. */
const LEAST_MS = 2000;

/** How long a transfer will take from here, by what was acknowledged lately; null where nobody can tell. */
export class Eta {
  readonly #samples: { atMs: number; done: number }[] = [];

  add(atMs: number, done: number): void {
    this.#samples.push({ atMs, done });
    while ((this.#samples[0]?.atMs ?? atMs) < atMs - WINDOW_MS) this.#samples.shift();
  }

  /** Seconds. */
  remaining(total: number): number | null {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (first === undefined || last === undefined || last.atMs - first.atMs < LEAST_MS) return null;
    const rate = (last.done - first.done) / (last.atMs - first.atMs);
    return rate <= 0 ? null : (total - last.done) / rate / 1000;
  }
}
