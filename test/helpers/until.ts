import { setTimeout as delay } from "node:timers/promises";

export interface UntilOptions {
  /** Milliseconds until it is given up; a minute, for a busy machine. */
  timeout?: number;
  /** Milliseconds between two looks; 20. */
  interval?: number;
  /** What was waited for, for the message. */
  what?: string | (() => string);
}

/**
 * Asks again and again until the answer is truthy, and returns it. A throw counts as "not yet";
 * the last one is the cause of the error at the deadline.
 */
export async function until<T>(
  ask: () => T | Promise<T>,
  options: UntilOptions = {},
): Promise<NonNullable<Exclude<T, false>>> {
  const { timeout = 60_000, interval = 20, what = "the condition" } = options;
  const deadline = Date.now() + timeout;
  let lastError: unknown;
  for (;;) {
    try {
      const answer = await ask();
      if (answer) return answer as NonNullable<Exclude<T, false>>;
    } catch (error) {
      lastError = error;
    }
    if (Date.now() >= deadline) {
      const text = typeof what === "function" ? what() : what;
      throw new Error(`waited ${timeout} ms for ${text}`, { cause: lastError });
    }
    await delay(interval);
  }
}
