import { HostError } from "../host-error.ts";

export interface WaitOptions {
  /** Milliseconds from now until it is given up with `late()`. */
  ms: number;
  late: () => Error;
  signal?: AbortSignal | undefined;
}

interface Waiter<T> {
  give(value: T): void;
  refuse(error: Error): void;
}

/** First come, first served; bounded in length and in time. */
export class WaitingLine<T> {
  /** In the order of arrival; leaving from the middle is cheap. */
  readonly #waiters = new Set<Waiter<T>>();
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get length(): number {
    return this.#waiters.size;
  }

  /** Rejects with HostError OVERLOADED at once where the line is full, and with the signal's reason. */
  wait(options: WaitOptions): Promise<T> {
    const { ms, late, signal } = options;
    if (signal?.aborted) return Promise.reject(signal.reason as Error);
    if (this.#waiters.size >= this.#limit) return Promise.reject(overloaded(this.#limit));
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#waiters.delete(waiter);
        clearTimeout(timer);
        signal?.removeEventListener("abort", aborted);
      };
      const waiter: Waiter<T> = {
        give(value) {
          leave();
          resolve(value);
        },
        refuse(error) {
          leave();
          reject(error);
        },
      };
      const aborted = (): void => waiter.refuse(signal?.reason as Error);
      const timer = setTimeout(() => waiter.refuse(late()), ms);
      signal?.addEventListener("abort", aborted);
      this.#waiters.add(waiter);
    });
  }

  /** Serves the line while `next` has something to give. */
  serve(next: () => T | null): void {
    for (const waiter of this.#waiters) {
      const value = next();
      if (value === null) return;
      waiter.give(value);
    }
  }

  refuseAll(error: Error): void {
    // Who is refused leaves the line, and may come back to it at once: only those that wait now are meant.
    const waiting = Array.from(this.#waiters);
    for (const waiter of waiting) waiter.refuse(error);
  }
}

function overloaded(limit: number): HostError {
  return new HostError("OVERLOADED", `${limit} requests wait for a replica already.`, {
    retryAfter: 1,
    hint: "Try again later, or raise autoscaling.max_replicas.",
  });
}
