/** As `work`, or rejects as soon as the signal fires; what `work` becomes then is not looked at. */
export async function orAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  let stop = (): void => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    stop = () => reject(new Error("superseded"));
    signal.addEventListener("abort", stop, { once: true });
  });
  work.catch(() => undefined);
  try {
    await Promise.race([work, aborted]);
    // Both within one turn: whoever was told to stop does not go on.
    signal.throwIfAborted();
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
