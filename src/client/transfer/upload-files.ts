import { createReadStream, readFileSync } from "node:fs";
import { join } from "node:path";
import { Transform, type Readable } from "node:stream";
import { AppError } from "../../errors.ts";
import type { Digest, FileEntry } from "../../protocol/manifest.ts";
import {
  BATCH_TYPE,
  type BatchAnswer,
  type TransferLimits,
  type UploadOpened,
} from "../../protocol/transfer.ts";
import { HostAnswerError } from "../host-answer-error.ts";
import type { HostConnection } from "../host-connection.ts";
import { hashRange } from "./hash-range.ts";
import { planTransfer } from "./plan-transfer.ts";

/** Requests at once. */
const LANES = 4;
const READ_BYTES = 1024 * 1024;

export interface UploadProgress {
  /** Handed to the network, resent bytes counted again. */
  sent: number;
  /** On the host's disk, as it has answered. */
  acknowledged: number;
  /** Of what was missing. */
  total: number;
  /** Files that are there in whole. */
  files: number;
  totalFiles: number;
}

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
  const { connection, dir, limits, signal, onProgress } = options;
  const base = `/v1/models/${encodeURIComponent(options.model)}`;
  const plan = planTransfer(options.files, options.missing, limits);
  const progress: UploadProgress = {
    sent: 0,
    acknowledged: 0,
    total: plan.bytes,
    files: 0,
    totalFiles: plan.files,
  };
  const told = (): void => onProgress({ ...progress });
  const acknowledge = (bytes: number, files: number): void => {
    progress.acknowledged += bytes;
    progress.files += files;
    told();
  };
  const counted = (source: Readable): Readable =>
    source.pipe(
      new Transform({
        highWaterMark: READ_BYTES,
        transform(piece: Buffer, _encoding, done) {
          progress.sent += piece.length;
          told();
          done(null, piece);
        },
      }),
    );

  async function sendBatch(entries: readonly FileEntry[]): Promise<void> {
    const answer = await connection.request({
      method: "POST",
      path: `${base}/files:batch`,
      headers: { "content-type": BATCH_TYPE },
      body: batchBody(dir, entries),
      idempotent: true,
      signal,
    });
    const { failed } = answer.body as BatchAnswer;
    const bytes = entries.reduce((sum, [, , , size]) => sum + size, 0);
    progress.sent += bytes;
    for (const { digest } of failed) {
      const entry = entries.find((each) => each[2] === digest) as FileEntry;
      // Read again, by itself: what changes on and on is told by name.
      await sendWhole(entry);
    }
    const again = new Set(failed.map(({ digest }) => digest));
    const good = entries.filter((entry) => !again.has(entry[2]));
    acknowledge(
      good.reduce((sum, [, , , size]) => sum + size, 0),
      good.length,
    );
  }

  async function sendWhole([, path, digest, size]: FileEntry): Promise<void> {
    await onceMore(path, () =>
      connection.request({
        method: "PUT",
        path: `${base}/files/${digest}`,
        headers: { "content-length": String(size), "content-type": "application/octet-stream" },
        body: () => counted(createReadStream(join(dir, path), { highWaterMark: READ_BYTES })),
        idempotent: true,
        timeoutMs: 600_000,
        signal,
      }),
    );
    acknowledge(size, 1);
  }

  async function sendInParts(entry: FileEntry): Promise<void> {
    const [, path, digest, size] = entry;
    await onceMore(path, async () => {
      const opened = await openUpload(digest, size);
      if (opened.exists) return acknowledge(size, 0);
      const { upload_id: id = "", part_size = size, parts = 0, received = [] } = opened;
      const bytesOf = (part: number): number => Math.min(part_size, size - part * part_size);
      const waiting = Array.from({ length: parts }, (_, part) => part).filter(
        (part) => !received.includes(part),
      );
      acknowledge(
        received.reduce((sum, part) => sum + bytesOf(part), 0),
        0,
      );
      await inLanes(waiting, async (part) => {
        const range = { start: part * part_size, end: part * part_size + bytesOf(part) - 1 };
        const sha256 = await hashRange(join(dir, path), range);
        await connection.request({
          method: "PUT",
          path: `${base}/uploads/${id}/parts/${part}`,
          headers: {
            "content-length": String(bytesOf(part)),
            "content-type": "application/octet-stream",
            "content-digest": `sha-256=:${sha256.toString("base64")}:`,
          },
          body: () => counted(createReadStream(join(dir, path), { ...range, highWaterMark: READ_BYTES })),
          idempotent: true,
          timeoutMs: 600_000,
          signal,
        });
        acknowledge(bytesOf(part), 0);
      });
      await connection.request({
        method: "POST",
        path: `${base}/uploads/${id}:complete`,
        idempotent: true,
        timeoutMs: 600_000,
        signal,
      });
    });
    acknowledge(0, 1);
  }

  async function openUpload(digest: Digest, size: number): Promise<UploadOpened> {
    const answer = await connection.request({
      method: "POST",
      path: `${base}/uploads`,
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ digest, size }),
      idempotent: true,
      signal,
    });
    return answer.body as UploadOpened;
  }

  await inLanes(plan.batches, sendBatch);
  await inLanes(plan.whole, sendWhole);
  // One after the other: each uses all lanes for its parts.
  for (const entry of plan.inParts) await sendInParts(entry);
  return progress;
}

/** A digest that does not fit: the file is read again once; then it is the file that changes. */
async function onceMore(path: string, work: () => Promise<unknown>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await work();
      return;
    } catch (error) {
      const fits =
        error instanceof HostAnswerError &&
        ["DIGEST_MISMATCH", "PART_MISMATCH"].includes(error.hostCode ?? "");
      // The stream was shorter or longer than the length that was declared.
      const isOtherLength =
        (error as { cause?: { code?: string } }).cause?.code === "UND_ERR_REQ_CONTENT_LENGTH_MISMATCH";
      if (!fits && !isOtherLength) throw error;
      if (attempt === 2) {
        throw new AppError("FILE_CHANGED", `${path} changed while it was sent.`, {
          hint: "Stop what writes to it, then push again; what was sent is kept.",
          cause: error,
        });
      }
    }
  }
}

async function inLanes<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  let next = 0;
  let failed = false;
  const lane = async (): Promise<void> => {
    while (next < items.length && !failed) {
      const item = items[next++] as Item;
      try {
        await work(item);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const results = await Promise.allSettled(Array.from({ length: Math.min(LANES, items.length) }, lane));
  for (const result of results) if (result.status === "rejected") throw result.reason;
}

/** u32be n, n bytes of JSON, then the bytes of the files. */
function batchBody(dir: string, entries: readonly FileEntry[]): Buffer {
  const head = Buffer.from(JSON.stringify(entries.map(([, , digest, size]) => [digest, size])));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(head.length);
  return Buffer.concat([length, head, ...entries.map((entry) => readSmall(dir, entry))]);
}

function readSmall(dir: string, [, path, , size]: FileEntry): Buffer {
  const bytes = readFileSync(join(dir, path));
  if (bytes.length === size) return bytes;
  throw new AppError("FILE_CHANGED", `${path} is not as the package's manifest says.`, {
    hint: "Build the package again: purlin build",
  });
}
