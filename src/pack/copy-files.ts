import { availableParallelism } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { installDir } from "../util/install-dir.ts";
import { type Copied, copyFile } from "./copy-file.ts";
import type { LaneMessage } from "./copy-lane.ts";

export interface CopyJob {
  from: string;
  to: string;
  mode: number;
  /** Bytes expected, for an even share of the work. */
  size: number;
}

export interface CopyOptions {
  signal?: AbortSignal | undefined;
  /** Bytes and files copied so far. */
  onProgress?: (bytes: number, files: number) => void;
}

/** From here on threads pay for their start. */
const THREADS_FROM_BYTES = 64 * 1024 ** 2;
const MAX_THREADS = 8;
/** The event loop is let in this often. */
const YIELD_EVERY_MS = 30;

/** Copies and hashes files, on all cores where there is much to do. Results are in the order of the jobs. */
export async function copyFiles(jobs: readonly CopyJob[], options: CopyOptions = {}): Promise<Copied[]> {
  const bytes = jobs.reduce((sum, { size }) => sum + size, 0);
  return bytes >= THREADS_FROM_BYTES ? copyInThreads(jobs, options) : copyHere(jobs, options);
}

async function copyHere(jobs: readonly CopyJob[], { signal, onProgress }: CopyOptions): Promise<Copied[]> {
  const results: Copied[] = [];
  let bytes = 0;
  let yielded = performance.now();
  for (const { from, to, mode } of jobs) {
    if (performance.now() - yielded > YIELD_EVERY_MS) {
      await setImmediate();
      signal?.throwIfAborted();
      onProgress?.(bytes, results.length);
      yielded = performance.now();
    }
    const copied = copyFile(from, to, mode);
    bytes += copied.size;
    results.push(copied);
  }
  return results;
}

async function copyInThreads(
  jobs: readonly CopyJob[],
  { signal, onProgress }: CopyOptions,
): Promise<Copied[]> {
  const results: Copied[] = [];
  let bytes = 0;
  let files = 0;
  const workers = shareOut(jobs, Math.min(availableParallelism(), MAX_THREADS)).map(
    (indexes) =>
      new Worker(join(installDir(), "dist/cli/copy-lane.mjs"), {
        workerData: indexes.map((index) => ({ index, job: jobs[index] })),
      }),
  );
  try {
    await Promise.all(
      workers.map(
        (worker) =>
          new Promise<void>((resolve, reject) => {
            const abort = (): void => reject(signal?.reason as Error);
            if (signal?.aborted) abort();
            signal?.addEventListener("abort", abort, { once: true });
            worker.on("error", reject);
            worker.on("exit", () => resolve());
            worker.on("message", ({ index, copied, error }: LaneMessage) => {
              if (error) return reject(Object.assign(new Error(error.message), error));
              if (!copied) return;
              results[index] = copied;
              bytes += copied.size;
              files += 1;
              onProgress?.(bytes, files);
            });
          }),
      ),
    );
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
  return results;
}

/** Indexes of jobs for each thread: the largest first, each to the one that has least. */
function shareOut(jobs: readonly CopyJob[], threads: number): number[][] {
  const lanes = Array.from({ length: Math.min(threads, jobs.length) }, () => ({
    bytes: 0,
    indexes: [] as number[],
  }));
  const order = jobs.map((_, index) => index).sort((a, b) => (jobs[b]?.size ?? 0) - (jobs[a]?.size ?? 0));
  for (const index of order) {
    const lane = lanes.reduce((least, each) => (each.bytes < least.bytes ? each : least));
    lane.bytes += (jobs[index]?.size ?? 0) + 4096;
    lane.indexes.push(index);
  }
  return lanes.map(({ indexes }) => indexes);
}
