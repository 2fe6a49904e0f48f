import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { HostConnection } from "../../client/host-connection.ts";
import { uploadFiles } from "../../client/transfer/upload-files.ts";
import type { Reporter } from "../../events.ts";
import type { Digest, FileEntry } from "../../protocol/manifest.ts";
import type { TransferLimits } from "../../protocol/transfer.ts";
import type { BuiltPackage } from "../build-steps/live-builder.ts";
import { uploadProgress } from "../push-steps/upload-progress.ts";

/** Less than that is there before anybody could read about it. */
const TELL_FROM_BYTES = 4 * 1024 * 1024;

export interface SendMissingOptions {
  connection: HostConnection;
  limits: TransferLimits;
  report: Reporter;
  signal: AbortSignal;
}

/** Files that a server does not have, as for a push. Throws AppError FILE_CHANGED, HOST_UNREACHABLE, HOST_REFUSED. */
export async function sendMissing(
  built: BuiltPackage,
  missing: readonly Digest[],
  { connection, limits, report, signal }: SendMissingOptions,
): Promise<void> {
  const wanted = new Set(missing);
  const files = built.manifest.files.filter(([, , digest]) => wanted.has(digest));
  const [code, others] = [files.filter(isCode), files.filter((entry) => !isCode(entry))];
  const bytes = files.reduce((sum, [, , , size]) => sum + size, 0);
  const progress = bytes >= TELL_FROM_BYTES ? uploadProgress(report) : null;
  progress?.begin(missing.length, bytes);
  const send = (dir: string, entries: FileEntry[]) =>
    uploadFiles({
      connection,
      model: built.manifest.model_name,
      dir,
      files: entries,
      missing: entries.map(([, , digest]) => digest),
      limits,
      signal,
      onProgress: (done) => progress?.tell(done),
    });
  if (others.length > 0) await send(built.dir, others);
  if (code.length === 0) return;
  const dir = mkdtempSync(join(tmpdir(), "purlin-code-"));
  try {
    for (const { path, contents } of built.code) {
      const file = join(dir, "code", path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, contents);
    }
    await send(dir, code);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

const isCode = ([layer]: FileEntry): boolean => layer === "code";
