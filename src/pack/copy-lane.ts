import { parentPort, workerData } from "node:worker_threads";
import { type Copied, copyFile } from "./copy-file.ts";
import type { CopyJob } from "./copy-files.ts";

/** What a thread tells of one of its jobs. */
export interface LaneMessage {
  index: number;
  copied?: Copied;
  error?: { message: string; code?: string; path?: string };
}

// The main module of a thread, started by copy-files.ts; built into dist/cli/copy-lane.mjs.
for (const { index, job } of workerData as { index: number; job: CopyJob }[]) {
  const message: LaneMessage = { index };
  try {
    message.copied = copyFile(job.from, job.to, job.mode);
  } catch (error) {
    const { message: text, code, path } = error as NodeJS.ErrnoException;
    message.error = { message: text, ...(code ? { code } : {}), path: path ?? job.from };
  }
  parentPort?.postMessage(message); // oxlint-disable-line unicorn/require-post-message-target-origin -- a thread, not a window
  if (message.error) break;
}
