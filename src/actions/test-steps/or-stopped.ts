import { CancelledError } from "../../errors.ts";

/** The work, or CancelledError once the signal is aborted; the work itself goes on. */
export async function orStopped<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work;
  const stopped = new Promise<never>((_resolve, reject) => {
    const stopNow = (): void =>
      reject(signal.reason instanceof CancelledError ? signal.reason : new CancelledError());
    if (signal.aborted) stopNow();
    else signal.addEventListener("abort", stopNow, { once: true });
  });
  stopped.catch(() => {});
  return Promise.race([work, stopped]);
}
