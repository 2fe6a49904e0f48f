import { HostAnswerError } from "../host-answer-error.ts";

/** Requests at once. */
const LANES = 4;

/** Work side by side, with less of it at once where what lies between client and host is overwhelmed. */
export class Lanes {
  #limit = LANES;
  readonly #stop = new AbortController();
  readonly signal: AbortSignal;

  constructor(signal: AbortSignal | undefined) {
    this.signal = signal === undefined ? this.#stop.signal : AbortSignal.any([signal, this.#stop.signal]);
  }

  get limit(): number {
    return this.#limit;
  }

  /** Of a failure that is tried again: one that a gateway answers with, or that says "too many", halves the lanes. */
  readonly onRetry = (error: unknown): void => {
    if (error instanceof HostAnswerError && [429, 502, 503, 504].includes(error.status)) {
      this.#limit = Math.max(1, Math.floor(this.#limit / 2));
    }
  };

  /** The first failure ends the work of all lanes and is what is thrown. */
  async run<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
    let next = 0;
    let failure: { error: unknown } | null = null;
    const lane = async (_: unknown, index: number): Promise<void> => {
      while (next < items.length && failure === null && index < this.#limit) {
        try {
          await work(items[next++] as Item);
        } catch (error) {
          failure ??= { error };
          this.#stop.abort(error);
        }
      }
    };
    await Promise.all(Array.from({ length: Math.min(this.#limit, items.length) }, lane));
    if (failure !== null) throw (failure as { error: unknown }).error;
  }
}
