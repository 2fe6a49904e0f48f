import { setTimeout as delay } from "node:timers/promises";

const ATTEMPTS = 5;
const FIRST_MS = 500;
const LONGEST_MS = 20_000;

export interface RetryOptions {
  signal?: AbortSignal | undefined;
  /** Milliseconds to wait at least, or null where there is no point in trying again. */
  again(error: unknown): number | null;
  /** Before each pause. */
  onRetry?: ((error: unknown) => void) | undefined;
}

/** Tries up to five times, with pauses that double and are cut at random, so that clients do not come back together. */
export async function retry<T>(work: () => Promise<T>, { signal, again, onRetry }: RetryOptions): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      signal?.throwIfAborted();
      const least = attempt === ATTEMPTS ? null : again(error);
      if (least === null) throw error;
      onRetry?.(error);
      const longest = Math.min(LONGEST_MS, FIRST_MS * 2 ** (attempt - 1));
      await delay(
        Math.max(least, Math.random() * longest),
        undefined,
        signal === undefined ? {} : { signal },
      );
    }
  }
}
