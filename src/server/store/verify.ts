import { statSync } from "node:fs";
import type { Digest } from "../../protocol/manifest.ts";
import type { Database } from "./database.ts";
import { hashFile } from "./hash-file.ts";
import type { BlobStore, VerifyReport } from "./store.ts";

/**
 * Reads every file that the database knows again, and looks for those that packages name and nobody has. What is
 * damaged counts as nobody's from then on, so that the next push that names it sends it again.
 */
export async function verifyStore(
  db: Database,
  blobs: BlobStore,
  onProgress?: (done: number, total: number) => void,
): Promise<VerifyReport> {
  const rows = db.prepare("SELECT digest, size FROM blobs ORDER BY digest").all() as {
    digest: Digest;
    size: number;
  }[];
  const isThere = db.prepare("SELECT 1 FROM blobs WHERE digest = ?");
  const report: VerifyReport = { files: rows.length, bytes: 0, damaged: [], missing: [] };
  for (const [at, { digest, size: expected }] of rows.entries()) {
    const path = blobs.pathOf(digest);
    const size = statSync(path, { throwIfNoEntry: false })?.size;
    const found = size === expected ? await hashFile(path).catch(() => null) : null;
    // Removed since the list was made: no more than that.
    if (found !== digest && isThere.get(digest) !== undefined) {
      (size === undefined ? report.missing : report.damaged).push(digest);
    }
    report.bytes += expected;
    onProgress?.(at + 1, rows.length);
  }
  const unknown = db
    .prepare("SELECT DISTINCT digest FROM package_blobs WHERE digest NOT IN (SELECT digest FROM blobs)")
    .all() as { digest: Digest }[];
  report.missing.push(...unknown.map(({ digest }) => digest));
  const forget = db.prepare("DELETE FROM model_blobs WHERE digest = ?");
  db.transaction(() => {
    for (const digest of [...report.damaged, ...report.missing]) forget.run(digest);
  });
  return report;
}
