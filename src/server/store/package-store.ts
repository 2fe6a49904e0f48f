import { randomBytes } from "node:crypto";
import type { Digest, PackageManifest } from "../../protocol/manifest.ts";
import type { TransferLimits } from "../../protocol/transfer.ts";
import { HostError } from "../host-error.ts";
import type { BlobOptions } from "./blob-store.ts";
import { createPackagePlaces } from "./package-places.ts";
import type { BlobStore, PackageStore, PushRow } from "./store.ts";

export interface OwnPackageStore extends PackageStore {
  places: ReturnType<typeof createPackagePlaces>;
}

export function createPackageStore(
  options: BlobOptions,
  blobs: BlobStore,
  limits: TransferLimits,
): OwnPackageStore {
  const { db, folders, now } = options;
  const places = createPackagePlaces({ folders, pathOf: blobs.pathOf });
  const find = db.prepare("SELECT * FROM pushes WHERE model = ? AND id = ?");
  const has = db.prepare("SELECT 1 FROM packages WHERE digest = ?");
  const read = db.prepare("SELECT manifest FROM packages WHERE digest = ?");
  const isOurs = db.prepare("SELECT 1 FROM model_packages WHERE model = ? AND package = ?");
  const addBlob = db.prepare("INSERT INTO package_blobs (package, digest) VALUES (?, ?)");
  const dropBlob = db.prepare("DELETE FROM package_blobs WHERE package = ? AND digest = ?");
  const copyBlobs = db.prepare(
    "INSERT INTO package_blobs (package, digest) SELECT ?, digest FROM package_blobs WHERE package = ?",
  );

  function manifest(digest: Digest): PackageManifest {
    const row = read.get(digest) as { manifest: string } | undefined;
    if (row === undefined) throw new HostError("NOT_FOUND", `There is no package ${digest} here.`);
    return JSON.parse(row.manifest) as PackageManifest;
  }

  return {
    places,
    manifest,
    treesDir: folders.trees,
    openPush(model, checked) {
      const created = now();
      const push: PushRow = {
        id: `psh_${randomBytes(9).toString("base64url")}`,
        model,
        package: checked.package,
        manifest: checked,
        deployment: null,
        expires_at: new Date(created.getTime() + limits.push_ttl_seconds * 1000).toISOString(),
      };
      return db.transaction(() => {
        db.prepare(
          "INSERT INTO pushes (id, model, package, manifest, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?)",
        ).run(push.id, model, push.package, JSON.stringify(checked), created.toISOString(), push.expires_at);
        return { push, missing: blobs.missing(model, digestsOf(checked)) };
      });
    },
    push(model, id) {
      const row = find.get(model, id) as (Omit<PushRow, "manifest"> & { manifest: string }) | undefined;
      if (row === undefined) {
        throw new HostError("NOT_FOUND", `There is no push ${id}.`, { hint: "Start again: purlin push" });
      }
      if (row.deployment === null && row.expires_at < now().toISOString()) {
        throw new HostError("GONE", `The push ${id} has expired.`, { hint: "Start again: purlin push" });
      }
      return { ...row, manifest: JSON.parse(row.manifest) as PackageManifest };
    },
    commit(push, work) {
      return db.transaction(() => {
        const earlier = (find.get(push.model, push.id) as { deployment: string | null } | undefined)
          ?.deployment;
        if (earlier) return { deployment: earlier, fresh: false };
        addToModel(push.model, push.manifest);
        const deployment = work();
        db.prepare("UPDATE pushes SET deployment = ? WHERE id = ?").run(deployment, push.id);
        return { deployment, fresh: true };
      });
    },
    add(model, checked, { base, work }) {
      return db.transaction(() => {
        if (base !== null && isOurs.get(model, base.package) !== undefined) addFrom(model, checked, base);
        else addToModel(model, checked);
        return work();
      });
    },
    place: (digest) => places.place(digest, () => manifest(digest)),
    placeVariant: (variant) => places.placeVariant(variant),
    hold: (digest) => places.hold(digest),
  };

  function addToModel(model: string, checked: PackageManifest): void {
    const digests = digestsOf(checked);
    requireFiles(model, digests);
    if (has.get(checked.package) === undefined) {
      addPackage(checked);
      for (const digest of digests) addBlob.run(checked.package, digest);
    }
    giveTo(model, checked);
  }

  /** A package that has nearly all of its files from one that is the model's already: only the others are looked at. */
  function addFrom(model: string, checked: PackageManifest, base: PackageManifest): void {
    const before = new Set(digestsOf(base));
    const now = new Set(digestsOf(checked));
    const fresh = [...now].filter((digest) => !before.has(digest));
    requireFiles(model, fresh);
    if (has.get(checked.package) === undefined) {
      addPackage(checked);
      copyBlobs.run(checked.package, base.package);
      for (const digest of before) if (!now.has(digest)) dropBlob.run(checked.package, digest);
      for (const digest of fresh) addBlob.run(checked.package, digest);
    }
    giveTo(model, checked);
  }

  function requireFiles(model: string, digests: readonly Digest[]): void {
    const missing = blobs.missing(model, digests);
    if (missing.length === 0) return;
    throw new HostError("MISSING_FILES", `${missing.length} files of the package are not here.`, {
      hint: "Send them and commit again.",
      details: { missing },
    });
  }

  function giveTo(model: string, checked: PackageManifest): void {
    db.prepare(
      "INSERT INTO model_packages (model, package, committed_at) VALUES (?, ?, ?) " +
        "ON CONFLICT (model, package) DO UPDATE SET committed_at = excluded.committed_at",
    ).run(model, checked.package, now().toISOString());
  }

  function addPackage(checked: PackageManifest): void {
    const bytes = checked.files.reduce((sum, [, , , size]) => sum + size, 0);
    db.prepare(
      "INSERT INTO packages (digest, manifest, target, files, bytes, created_at) VALUES (?, ?, ?, ?, ?, ?)",
    ).run(
      checked.package,
      JSON.stringify(checked),
      checked.target,
      checked.files.length,
      bytes,
      now().toISOString(),
    );
  }
}

/** Each once: files may be the same. */
const digestsOf = ({ files }: PackageManifest): Digest[] => [...new Set(files.map(([, , digest]) => digest))];
