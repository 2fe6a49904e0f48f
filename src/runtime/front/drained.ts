import type { ModelProcess } from "./model-process.ts";

/** Resolves once the process has nothing more to do, or has ended, or the time is over. */
export async function drained(process: ModelProcess, seconds: number): Promise<void> {
  const limit = performance.now() + seconds * 1000;
  while (process.jobs.size > 0 && process.state !== "dead" && performance.now() < limit)
    await new Promise((resolve) => setTimeout(resolve, 20));
}
