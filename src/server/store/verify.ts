import { existsSync, statSync } from "node:fs";
import type { Digest } from "../../protocol/manifest.ts";
import type { Database } from "./database.ts";
import { hashFile } from "./hash-file.ts";
import type { BlobStore, VerifyReport } from "./store.ts";

/** Reads every file that the database knows again, and looks for those that packages name and nobody has. */
export async function verifyStore(
  db: Database,
  blobs: BlobStore,
  onProgress?: (done: number, total: number) => void,
): Promise<VerifyReport> {
  const rows = db.prepare("SELECT digest, size FROM blobs ORDER BY digest").all() as {
    digest: Digest;
    size: number;
  }[];
  const report: VerifyReport = { files: rows.length, bytes: 0, damaged: [], missing: [] };
  for (const [at, { digest, size }] of rows.entries()) {
    const path = blobs.pathOf(digest);
    if (!existsSync(path)) report.missing.push(digest);
    else if (statSync(path).size !== size || (await hashFile(path)) !== digest) report.damaged.push(digest);
    report.bytes += size;
    onProgress?.(at + 1, rows.length);
  }
  const unknown = db
    .prepare("SELECT DISTINCT digest FROM package_blobs WHERE digest NOT IN (SELECT digest FROM blobs)")
    .all() as { digest: Digest }[];
  report.missing.push(...unknown.map(({ digest }) => digest));
  return report;
}
