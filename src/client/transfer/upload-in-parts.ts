import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { AppError } from "../../errors.ts";
import type { FileEntry } from "../../protocol/manifest.ts";
import type { UploadOpened } from "../../protocol/transfer.ts";
import { HostAnswerError } from "../host-answer-error.ts";
import type { HostConnection } from "../host-connection.ts";
import { checkFileSize, fileBody } from "./file-body.ts";
import { hashRange } from "./hash-range.ts";
import type { Lanes } from "./lanes.ts";
import { onceMore } from "./once-more.ts";
import type { TransferProgress } from "./transfer-progress.ts";

/** How often an upload that is gone is opened again. */
const ROUNDS = 4;
/** A part that another request is sending: it ends, or the host cuts it after 30 s of silence. */
const BUSY_MS = 90_000;
const COMPLETE_MS = 600_000;

export interface PartsOptions {
  connection: HostConnection;
  /** `/v1/models/{model}` */
  base: string;
  dir: string;
  lanes: Lanes;
  progress: TransferProgress;
}

/** A large file. The host knows which parts it has: begun by whomever, in whatever life, it is gone on with. */
export async function uploadInParts(options: PartsOptions, entry: FileEntry): Promise<void> {
  const { connection, base, dir, lanes, progress } = options;
  const { signal, onRetry } = lanes;
  const [, path, digest, size] = entry;
  const file = join(dir, path);
  const common = { idempotent: true, signal, onRetry };

  async function open(): Promise<UploadOpened> {
    const { body } = await connection.request({
      ...common,
      method: "POST",
      path: `${base}/uploads`,
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ digest, size }),
    });
    return body as UploadOpened;
  }

  async function sendPart(id: string, part: number, range: { start: number; size: number }): Promise<void> {
    const sha256 = await hashRange(file, { start: range.start, end: range.start + range.size - 1 });
    await connection.request({
      ...common,
      method: "PUT",
      path: `${base}/uploads/${id}/parts/${part}`,
      headers: {
        "content-length": String(range.size),
        "content-type": "application/octet-stream",
        "content-digest": `sha-256=:${sha256.toString("base64")}:`,
      },
      body: (alive) =>
        fileBody({ file, ...range }, (bytes) => {
          alive();
          progress.sent(bytes);
        }),
    });
  }

  /** False where the upload is not there any more. */
  async function sendAll(): Promise<boolean> {
    const { exists, upload_id: id = "", part_size = size, parts = 0, received = [] } = await open();
    if (exists) return true;
    const sizeOf = (part: number): number => Math.min(part_size, size - part * part_size);
    const there = new Set(received);
    let bytes = received.reduce((sum, part) => sum + sizeOf(part), 0);
    progress.acknowledge(digest, bytes);
    const waiting = Array.from({ length: parts }, (_, part) => part).filter((part) => !there.has(part));
    let isGone = false;
    await lanes.run(waiting, async (part) => {
      if (isGone) return;
      checkFileSize(file, path, size);
      try {
        await whenFree(signal, () =>
          onceMore(path, () => sendPart(id, part, { start: part * part_size, size: sizeOf(part) })),
        );
        bytes += sizeOf(part);
        if (!isGone) progress.acknowledge(digest, bytes);
      } catch (error) {
        if (!isLost(error)) throw error;
        isGone = true;
      }
    });
    if (isGone) return false;
    try {
      await connection.request({
        ...common,
        method: "POST",
        path: `${base}/uploads/${id}:complete`,
        timeoutMs: COMPLETE_MS,
      });
      return true;
    } catch (error) {
      if (!isLost(error)) throw error;
      return false;
    }
  }

  await onceMore(path, async () => {
    for (let round = 1; !(await sendAll()); round++) {
      if (round < ROUNDS) continue;
      throw new AppError("HOST_REFUSED", `The server lost the upload of ${path} ${ROUNDS} times.`, {
        hint: "Is somebody else pushing the same file and removing it? Push again: what was sent is kept.",
      });
    }
  });
  progress.whole(digest, size);
}

/** Completed by another client, or collected: opening it again tells which. */
function isLost(error: unknown): boolean {
  return (
    error instanceof HostAnswerError && ["NOT_FOUND", "GONE", "PARTS_MISSING"].includes(error.hostCode ?? "")
  );
}

/** Waits while another request sends the same part: a client beside this one, or a connection that has died. */
async function whenFree(signal: AbortSignal, work: () => Promise<void>): Promise<void> {
  const deadline = performance.now() + BUSY_MS;
  for (;;) {
    try {
      await work();
      return;
    } catch (error) {
      const isBusy = error instanceof HostAnswerError && error.hostCode === "PART_IN_PROGRESS";
      if (!isBusy || performance.now() > deadline) throw error;
      await delay(250 + Math.random() * 250, undefined, { signal });
    }
  }
}
