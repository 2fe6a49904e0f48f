import { readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Digest } from "../../protocol/manifest.ts";
import type { BlobOptions } from "./blob-store.ts";
import type { PackagePlaces } from "./package-places.ts";
import type { BlobStore, GarbageReport } from "./store.ts";

/** Of each environment, the newest deployments that can be rolled back to. */
const KEPT_DEPLOYMENTS = 10;
/** Of those, packages that stay in place, so that a rollback copies nothing. */
const PLACED_DEPLOYMENTS = 3;

export interface GarbageOptions extends BlobOptions {
  blobs: BlobStore;
  places: PackagePlaces;
  /** Removes logs of other deployments than these. */
  keepLogs(deployments: ReadonlySet<string>): void;
}

/**
 * What stays: what deployments that serve, are on their way or may come back refer to, and whatever a model has sent
 * or asked for within its lease. All is decided and taken out of the database in one transaction; then the files go,
 * within the same turn of the loop, so that no push can be in between.
 */
export function collectGarbage(
  { db, folders, now, blobs, places, keepLogs }: GarbageOptions,
  { graceMs = 0, dryRun = false }: { graceMs?: number; dryRun?: boolean } = {},
): GarbageReport {
  const at = new Date(now().getTime() - graceMs).toISOString();
  const kept = newest(KEPT_DEPLOYMENTS);
  const packages = new Set(kept.map((row) => row.package));
  const report: GarbageReport = { blobs: 0, bytes: 0, trees: 0 };
  const gone: { digest: Digest; size: number }[] = [];
  const uploads: string[] = [];
  const rollback = new Error("dry run");
  try {
    db.transaction(() => {
      for (const { model, package: digest } of all<{ model: string; package: string }>(
        "SELECT model, package FROM model_packages WHERE committed_at <= ?",
        at,
      )) {
        if (!packages.has(digest))
          db.prepare("DELETE FROM model_packages WHERE model = ? AND package = ?").run(model, digest);
      }
      db.exec("DELETE FROM packages WHERE digest NOT IN (SELECT package FROM model_packages)");
      db.exec("DELETE FROM package_blobs WHERE package NOT IN (SELECT digest FROM packages)");
      db.prepare("DELETE FROM pushes WHERE expires_at <= ?").run(at);
      for (const { id } of all<{ id: string }>("SELECT id FROM uploads WHERE expires_at <= ?", at)) {
        uploads.push(id);
        db.prepare("DELETE FROM upload_parts WHERE upload = ?").run(id);
        db.prepare("DELETE FROM uploads WHERE id = ?").run(id);
      }
      db.prepare(
        "DELETE FROM model_blobs WHERE leased_until <= ? AND NOT EXISTS (" +
          "SELECT 1 FROM package_blobs JOIN model_packages USING (package) " +
          "WHERE package_blobs.digest = model_blobs.digest AND model_packages.model = model_blobs.model)",
      ).run(at);
      gone.push(
        ...all<{ digest: Digest; size: number }>(
          "SELECT digest, size FROM blobs WHERE digest NOT IN (SELECT digest FROM model_blobs)",
        ),
      );
      for (const { digest } of gone) db.prepare("DELETE FROM blobs WHERE digest = ?").run(digest);
      if (dryRun) throw rollback;
    });
  } catch (error) {
    if (error !== rollback) throw error;
  }
  report.blobs = gone.length;
  report.bytes = gone.reduce((sum, { size }) => sum + size, 0);
  if (dryRun) return report;
  for (const { digest } of gone) rmSync(blobs.pathOf(digest), { force: true });
  for (const id of uploads) rmSync(join(folders.uploads, `${id}.part`), { force: true });
  removeStrays();
  report.trees = places.removeUnused(new Set(newest(PLACED_DEPLOYMENTS).map((row) => row.package))).trees;
  keepLogs(new Set(kept.map(({ id }) => id)));
  return report;

  function all<Row>(sql: string, ...values: string[]): Row[] {
    return db.prepare(sql).all(...values) as Row[];
  }

  /** The newest of each environment, and whatever an environment points at. */
  function newest(count: number): { id: string; package: string }[] {
    return db
      .prepare(
        `SELECT id, package FROM (
           SELECT id, package, model, environment,
             row_number() OVER (PARTITION BY model, environment ORDER BY created_at DESC, id) AS place
           FROM deployments WHERE state <> 'FAILED')
         WHERE place <= ? OR id IN (
           SELECT serving FROM environments WHERE serving IS NOT NULL
           UNION SELECT desired FROM environments WHERE desired IS NOT NULL
           UNION SELECT rollout_deployment FROM environments WHERE rollout_deployment IS NOT NULL)`,
      )
      .all(count) as { id: string; package: string }[];
  }

  /** A host that was killed between a file and its row, either way round, leaves a file that nobody knows. */
  function removeStrays(): void {
    const known = db.prepare("SELECT 1 FROM blobs WHERE digest = ?");
    for (const folder of readdirSync(folders.blobs)) {
      for (const hex of readdirSync(join(folders.blobs, folder))) {
        if (known.get(`sha256:${hex}`) === undefined)
          rmSync(join(folders.blobs, folder, hex), { force: true });
      }
    }
    const upload = db.prepare("SELECT 1 FROM uploads WHERE id = ?");
    for (const name of readdirSync(folders.uploads)) {
      if (
        upload.get(name.replace(/\.part$/, "")) === undefined &&
        statSync(join(folders.uploads, name), { throwIfNoEntry: false })
      )
        rmSync(join(folders.uploads, name), { force: true });
    }
  }
}
