import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import type { Digest } from "../../protocol/manifest.ts";
import type { BlobOptions } from "./blob-store.ts";
import type { PackagePlaces } from "./package-places.ts";
import type { BlobStore, GarbageReport } from "./store.ts";

/** Of those, packages that stay in place, so that a rollback copies nothing. */
const PLACED_DEPLOYMENTS = 3;
const FILES_A_TURN = 200;

export interface GarbageOptions extends BlobOptions {
  blobs: BlobStore;
  places: PackagePlaces;
  /** Of each environment, the newest deployments that can be rolled back to. */
  keptDeployments: number;
  /** Removes logs of other deployments than these. */
  keepLogs(deployments: ReadonlySet<string>): void;
}

/**
 * What stays: what deployments that serve, are on their way or may come back refer to, and whatever a model has sent
 * or asked for within its lease. Rows go first, then files, and both within one turn of the loop, so that no push can
 * be in between; a few hundred files a turn, so that requests are answered meanwhile.
 */
export async function collectGarbage(
  { db, folders, now, blobs, places, keptDeployments, keepLogs }: GarbageOptions,
  { graceMs = 0, dryRun = false }: { graceMs?: number; dryRun?: boolean } = {},
): Promise<GarbageReport> {
  const at = new Date(now().getTime() - graceMs).toISOString();
  const unused = "FROM blobs WHERE digest NOT IN (SELECT digest FROM model_blobs)";
  const dry = new Error("dry run");
  let gone: { digest: Digest; size: number }[] = [];
  let uploads: string[] = [];
  try {
    db.transaction(() => {
      uploads = dropRows();
      gone = db.prepare(`SELECT digest, size ${unused}`).all() as typeof gone;
      if (dryRun) throw dry;
    });
  } catch (error) {
    if (error !== dry) throw error;
    return { blobs: gone.length, bytes: gone.reduce((sum, { size }) => sum + size, 0), trees: 0 };
  }
  for (const id of uploads) rmSync(join(folders.uploads, `${id}.part`), { force: true });
  const report: GarbageReport = { blobs: 0, bytes: 0, trees: 0 };
  for (let from = 0; from < gone.length; from += FILES_A_TURN) {
    removeBlobs(gone.slice(from, from + FILES_A_TURN), report);
    await setImmediate();
  }
  await removeStrays();
  report.trees = places.removeUnused(new Set(newest(PLACED_DEPLOYMENTS).map((row) => row.package))).trees;
  const told = [...newest(keptDeployments), ...newest(keptDeployments, "state = 'FAILED'")];
  keepLogs(new Set(told.map(({ id }) => id)));
  await places.settled();
  return report;

  /** Everything that has run out, files apart. Returns the uploads among it. */
  function dropRows(): string[] {
    const packages = new Set(newest(keptDeployments).map((row) => row.package));
    const committed = "SELECT model, package FROM model_packages WHERE committed_at <= ?";
    for (const row of db.prepare(committed).all(at) as { model: string; package: string }[]) {
      if (packages.has(row.package)) continue;
      db.prepare("DELETE FROM model_packages WHERE model = ? AND package = ?").run(row.model, row.package);
    }
    db.exec("DELETE FROM packages WHERE digest NOT IN (SELECT package FROM model_packages)");
    db.exec("DELETE FROM package_blobs WHERE package NOT IN (SELECT digest FROM packages)");
    db.prepare("DELETE FROM pushes WHERE expires_at <= ?").run(at);
    const expired = db.prepare("SELECT id FROM uploads WHERE expires_at <= ?").all(at) as { id: string }[];
    for (const { id } of expired) {
      db.prepare("DELETE FROM upload_parts WHERE upload = ?").run(id);
      db.prepare("DELETE FROM uploads WHERE id = ?").run(id);
    }
    db.prepare(
      "DELETE FROM model_blobs WHERE leased_until <= ? AND NOT EXISTS (" +
        "SELECT 1 FROM package_blobs JOIN model_packages USING (package) " +
        "WHERE package_blobs.digest = model_blobs.digest AND model_packages.model = model_blobs.model)",
    ).run(at);
    return expired.map(({ id }) => id);
  }

  /** Those of them that nobody has sent or asked for since. */
  function removeBlobs(candidates: typeof gone, removed: GarbageReport): void {
    const drop = db.prepare(`DELETE ${unused} AND digest = ?`);
    const dropped = db.transaction(() => candidates.filter(({ digest }) => drop.run(digest).changes > 0));
    for (const { digest, size } of dropped) {
      rmSync(blobs.pathOf(digest), { force: true });
      removed.blobs += 1;
      removed.bytes += size;
    }
  }

  /** The newest of each environment, and whatever an environment points at. */
  function newest(count: number, which = "state <> 'FAILED'"): { id: string; package: string }[] {
    return db
      .prepare(
        `SELECT id, package FROM (
           SELECT id, package, model, environment,
             row_number() OVER (PARTITION BY model, environment ORDER BY rowid DESC) AS place
           FROM deployments WHERE ${which})
         WHERE place <= ? OR id IN (
           SELECT serving FROM environments WHERE serving IS NOT NULL
           UNION SELECT desired FROM environments WHERE desired IS NOT NULL
           UNION SELECT rollout_deployment FROM environments WHERE rollout_deployment IS NOT NULL)`,
      )
      .all(count) as { id: string; package: string }[];
  }

  /** A host that was killed between a file and its row, either way round, leaves a file that nobody knows. */
  async function removeStrays(): Promise<void> {
    const known = db.prepare("SELECT 1 FROM blobs WHERE digest = ?");
    for (const folder of readdirSync(folders.blobs)) {
      for (const hex of readdirSync(join(folders.blobs, folder))) {
        if (known.get(`sha256:${hex}`) === undefined)
          rmSync(join(folders.blobs, folder, hex), { force: true });
      }
      await setImmediate();
    }
    const upload = db.prepare("SELECT 1 FROM uploads WHERE id = ?");
    for (const name of readdirSync(folders.uploads)) {
      if (upload.get(name.replace(/\.part$/, "")) === undefined)
        rmSync(join(folders.uploads, name), { force: true });
    }
  }
}
