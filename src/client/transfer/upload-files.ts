import { join } from "node:path";
import type { Digest, FileEntry } from "../../protocol/manifest.ts";
import { BATCH_TYPE, type BatchAnswer, type TransferLimits } from "../../protocol/transfer.ts";
import type { HostConnection } from "../host-connection.ts";
import { batchBody, inPieces } from "./batch-body.ts";
import { checkFileSize, fileBody } from "./file-body.ts";
import { Lanes } from "./lanes.ts";
import { onceMore } from "./once-more.ts";
import { planTransfer } from "./plan-transfer.ts";
import { TransferProgress, type UploadProgress } from "./transfer-progress.ts";
import { uploadInParts } from "./upload-in-parts.ts";

export type { UploadProgress } from "./transfer-progress.ts";

export interface UploadOptions {
  connection: HostConnection;
  model: string;
  /** Folder of the package. */
  dir: string;
  files: readonly FileEntry[];
  missing: readonly Digest[];
  limits: TransferLimits;
  signal?: AbortSignal | undefined;
  onProgress(progress: UploadProgress): void;
}

/**
 * Sends what a host does not have: small files in batches, others whole, large ones in parts, four requests at a time.
 * Nothing is kept in memory but what is being read. Throws AppError FILE_CHANGED, HOST_UNREACHABLE, HOST_REFUSED.
 */
export async function uploadFiles(options: UploadOptions): Promise<UploadProgress> {
  const { connection, dir, limits } = options;
  const base = `/v1/models/${encodeURIComponent(options.model)}`;
  const plan = planTransfer(options.files, options.missing, limits);
  const progress = new TransferProgress(plan, options.onProgress);
  const lanes = new Lanes(options.signal);
  const common = { idempotent: true, signal: lanes.signal, onRetry: lanes.onRetry };

  const counting = (alive: () => void) => (bytes: number) => {
    alive();
    progress.sent(bytes);
  };

  async function sendBatch(entries: readonly FileEntry[]): Promise<void> {
    const body = batchBody(dir, entries);
    const answer = await connection.request({
      ...common,
      method: "POST",
      path: `${base}/files:batch`,
      headers: { "content-type": BATCH_TYPE, "content-length": String(body.length) },
      body: (alive) => inPieces(body, counting(alive)),
    });
    const failed = new Set((answer.body as BatchAnswer).failed.map(({ digest }) => digest));
    for (const entry of entries) if (!failed.has(entry[2])) progress.whole(entry[2], entry[3]);
    // Read again, by itself: what changes on and on is told by name.
    for (const entry of entries) if (failed.has(entry[2])) await sendWhole(entry);
  }

  async function sendWhole([, path, digest, size]: FileEntry): Promise<void> {
    const file = join(dir, path);
    await onceMore(path, () => {
      checkFileSize(file, path, size);
      return connection.request({
        ...common,
        method: "PUT",
        path: `${base}/files/${digest}`,
        headers: { "content-length": String(size), "content-type": "application/octet-stream" },
        body: (alive) => fileBody({ file, start: 0, size }, counting(alive)),
      });
    });
    progress.whole(digest, size);
  }

  await lanes.run(plan.batches, sendBatch);
  await lanes.run(plan.whole, sendWhole);
  // One after the other: each uses all lanes for its parts.
  for (const entry of plan.inParts) await uploadInParts({ connection, base, dir, lanes, progress }, entry);
  return progress.current;
}
