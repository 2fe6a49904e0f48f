import { gzipSync } from "node:zlib";
import { AppError } from "../../errors.ts";
import type { Digest, PackageManifest } from "../../protocol/manifest.ts";
import type { CommitAnswer, CommitRequest, PushOpened, TransferLimits } from "../../protocol/transfer.ts";
import { HostAnswerError } from "../host-answer-error.ts";
import type { HostConnection } from "../host-connection.ts";
import { uploadFiles, type UploadProgress } from "./upload-files.ts";

/** Rounds of sending what the host misses at the commit: files that were collected there in the meantime. */
const ROUNDS = 3;

export interface PushPackageOptions {
  connection: HostConnection;
  /** Folder of the package. */
  dir: string;
  manifest: PackageManifest;
  limits: TransferLimits;
  commit: CommitRequest;
  signal?: AbortSignal | undefined;
  onOpened(push: PushOpened): void;
  onProgress(progress: UploadProgress): void;
}

export interface PushedPackage extends CommitAnswer {
  uploaded_bytes: number;
  uploaded_files: number;
}

/** Manifest, missing files, commit. Interrupted anywhere and called again, it goes on with what is left. */
export async function pushPackage(options: PushPackageOptions): Promise<PushedPackage> {
  const { connection, dir, manifest, limits, signal, onProgress } = options;
  checkLimits(manifest, limits);
  const model = manifest.model_name;
  const base = `/v1/models/${encodeURIComponent(model)}`;
  const sent = { bytes: 0, files: 0 };

  async function send(missing: readonly Digest[]): Promise<void> {
    const { total, totalFiles } = await uploadFiles({
      connection,
      model,
      dir,
      files: manifest.files,
      missing,
      limits,
      signal,
      onProgress,
    });
    sent.bytes += total;
    sent.files += totalFiles;
  }

  async function open(): Promise<PushOpened> {
    const push = await openPush({ connection, base, manifest, signal });
    options.onOpened(push);
    if (push.missing.length > 0) await send(push.missing);
    return push;
  }

  let push = await open();
  for (let round = 1; ; round++) {
    try {
      const answer = await connection.request({
        method: "POST",
        path: `${base}/pushes/${push.push_id}:commit`,
        headers: { "content-type": "application/json" },
        body: JSON.stringify(options.commit),
        // The same push is committed once, however often it is asked for.
        idempotent: true,
        signal,
      });
      return { ...(answer.body as CommitAnswer), uploaded_bytes: sent.bytes, uploaded_files: sent.files };
    } catch (error) {
      if (!(error instanceof HostAnswerError) || round === ROUNDS) throw error;
      if (error.hostCode === "MISSING_FILES") await send((error.details as { missing: Digest[] }).missing);
      else if (error.hostCode === "GONE" || error.hostCode === "NOT_FOUND") push = await open();
      else throw error;
    }
  }
}

/** What is missing there, without a promise to send it. */
export async function openPush(options: {
  connection: HostConnection;
  base: string;
  manifest: PackageManifest;
  signal?: AbortSignal | undefined;
}): Promise<PushOpened> {
  const { connection, base, manifest, signal } = options;
  const answer = await connection.request({
    method: "POST",
    path: `${base}/pushes`,
    headers: { "content-type": "application/json", "content-encoding": "gzip" },
    body: gzipSync(JSON.stringify(manifest), { level: 1 }),
    idempotent: true,
    signal,
  });
  return answer.body as PushOpened;
}

/** Before anything is sent: the host would refuse it, too. */
function checkLimits({ files }: PackageManifest, limits: TransferLimits): void {
  const total = files.reduce((sum, [, , , size]) => sum + size, 0);
  const large = files.find(([, , , size]) => size > limits.file_bytes);
  const why =
    files.length > limits.package_files
      ? `it has ${files.length} files, and the server takes ${limits.package_files}`
      : large !== undefined
        ? `${large[1]} has ${large[3]} bytes, and the server takes ${limits.file_bytes}`
        : total > limits.package_bytes
          ? `it has ${total} bytes, and the server takes ${limits.package_bytes}`
          : null;
  if (why === null) return;
  throw new AppError("HOST_REFUSED", `The package is too large for this server: ${why}.`, {
    hint: "Keep large files elsewhere and load them with weights: in config.yaml.",
  });
}
