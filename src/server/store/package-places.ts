import { randomBytes } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { chmod, constants, copyFile, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import {
  type Digest,
  type FileEntry,
  type LayerName,
  MANIFEST_FILE,
  type PackageManifest,
} from "../../protocol/manifest.ts";
import { HostError } from "../host-error.ts";
import type { DataFolders } from "./data-folder.ts";
import { storageError } from "./storage-error.ts";
import type { PackageVariant } from "./store.ts";

/** Large and slow to change: packages that have the same one share it. Code finds them beside itself in any case. */
const SHARED: readonly LayerName[] = ["deps", "data", "runtime"];
/** Copies at once: each takes a thread of Node's pool, which has four. */
const LANES = 8;

export interface PackagePlaces {
  place(digest: Digest, manifest: () => PackageManifest): Promise<string>;
  placeVariant(variant: PackageVariant): Promise<string>;
  hold(digest: Digest): () => void;
  /** Removes the folders of packages that are neither wanted nor held, then trees that no folder leads to. */
  removeUnused(wanted: ReadonlySet<string>): { packages: number; trees: number };
  /** Nothing is being removed any more. */
  settled(): Promise<void>;
}

/** Packages as folders: packages/<hex> with links to trees/<layer>-<hex>. Copies: a model can never change a blob. */
export function createPackagePlaces(options: {
  folders: DataFolders;
  pathOf(digest: Digest): string;
}): PackagePlaces {
  const { folders, pathOf } = options;
  const placing = new Map<string, Promise<string>>();
  const held = new Map<string, number>();
  /** Looked through in this life of the host: what a power cut has torn is made again. */
  const checked = new Set<string>();
  const removing = new Set<Promise<void>>();

  return {
    settled: async () => void (await Promise.all(removing)),
    place(digest, manifest) {
      let work = placing.get(digest);
      if (work === undefined) {
        work = placeOnce(digest, manifest).finally(() => placing.delete(digest));
        placing.set(digest, work);
      }
      return work;
    },
    async placeVariant({ manifest, of, parent }) {
      const dir = join(parent, manifest.package.slice("sha256:".length));
      if (existsSync(dir)) return dir;
      const staging = join(folders.tmp, randomBytes(12).toString("hex"));
      try {
        mkdirSync(staging);
        mkdirSync(parent, { recursive: true, mode: 0o700 });
        for (const layer of SHARED)
          symlinkSync(resolve(of, readlinkSync(join(of, layer))), join(staging, layer));
        await placeOwn(manifest, staging);
        renameSync(staging, dir);
      } catch (error) {
        rmSync(staging, { recursive: true, force: true });
        throw storageError(error);
      }
      return dir;
    },
    hold(digest) {
      held.set(digest, (held.get(digest) ?? 0) + 1);
      let ended = false;
      return () => {
        if (ended) return;
        ended = true;
        const left = (held.get(digest) ?? 1) - 1;
        if (left === 0) held.delete(digest);
        else held.set(digest, left);
      };
    },
    removeUnused(wanted) {
      // What is being placed has trees that no folder leads to yet.
      if (placing.size > 0) return { packages: 0, trees: 0 };
      let packages = 0;
      const used = new Set<string>();
      for (const hex of readdirSync(folders.packages)) {
        const digest = `sha256:${hex}`;
        const dir = join(folders.packages, hex);
        if (wanted.has(digest) || held.has(digest)) {
          for (const layer of SHARED)
            if (existsSync(join(dir, layer))) used.add(basename(readlinkSync(join(dir, layer))));
        } else {
          discard(dir);
          checked.delete(digest);
          packages += 1;
        }
      }
      const trees = readdirSync(folders.trees).filter((tree) => !used.has(tree));
      for (const tree of trees) discard(join(folders.trees, tree));
      return { packages, trees: trees.length };
    },
  };

  async function placeOnce(digest: Digest, readManifest: () => PackageManifest): Promise<string> {
    const dir = join(folders.packages, digest.slice("sha256:".length));
    if (checked.has(digest)) return dir;
    const manifest = readManifest();
    if (existsSync(join(dir, MANIFEST_FILE)) && isWhole(dir, manifest)) {
      checked.add(digest);
      return dir;
    }
    discard(dir);
    for (const layer of SHARED)
      if (!isWhole(treeOf(manifest, layer), manifest, layer)) discard(treeOf(manifest, layer));
    const staging = join(folders.tmp, randomBytes(12).toString("hex"));
    try {
      mkdirSync(staging);
      for (const layer of SHARED) {
        await placeTree(manifest, layer);
        symlinkSync(join("..", "..", "trees", basename(treeOf(manifest, layer))), join(staging, layer));
      }
      await placeOwn(manifest, staging);
      renameSync(staging, dir);
    } catch (error) {
      rmSync(staging, { recursive: true, force: true });
      throw storageError(error);
    }
    checked.add(digest);
    return dir;
  }

  /** What no other package has: code, config and the manifest. */
  async function placeOwn(manifest: PackageManifest, dir: string): Promise<void> {
    const own = manifest.files.filter(([layer]) => !SHARED.includes(layer));
    await copyAll(own, (path) => join(dir, path));
    mkdirSync(join(dir, "code"), { recursive: true });
    mkdirSync(join(dir, "config"), { recursive: true });
    writeFileSync(join(dir, MANIFEST_FILE), JSON.stringify(manifest));
  }

  function treeOf({ layers }: PackageManifest, layer: LayerName): string {
    return join(folders.trees, `${layer}-${layers[layer].tree.slice(7, 39)}`);
  }

  async function placeTree(manifest: PackageManifest, layer: LayerName): Promise<void> {
    const place = treeOf(manifest, layer);
    if (existsSync(place)) return;
    const staging = join(folders.tmp, randomBytes(12).toString("hex"));
    try {
      mkdirSync(staging);
      const own = manifest.files.filter(([name]) => name === layer);
      await copyAll(own, (path) => join(staging, path.slice(layer.length + 1)));
      // Another package that shares it may have been quicker.
      if (!existsSync(place)) renameSync(staging, place);
    } finally {
      rmSync(staging, { recursive: true, force: true });
    }
  }

  async function copyAll(entries: readonly FileEntry[], targetOf: (path: string) => string): Promise<void> {
    const made = new Set<string>();
    for (const [, path] of entries) {
      const parent = dirname(targetOf(path));
      if (!made.has(parent)) mkdirSync(parent, { recursive: true });
      made.add(parent);
    }
    let next = 0;
    const lane = async (): Promise<void> => {
      for (let entry = entries[next++]; entry !== undefined; entry = entries[next++]) {
        const [, path, digest, size, mode] = entry;
        const target = targetOf(path);
        const blob = pathOf(digest);
        if (statSync(blob, { throwIfNoEntry: false })?.size !== size) {
          throw new HostError("INTERNAL", `${path} is damaged in the host's store (${digest}).`, {
            hint: "Check all of it: purlin host --verify. A push sends again what that has found.",
          });
        }
        await copyFile(blob, target, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
        await chmod(target, mode === "755" ? 0o755 : 0o644);
      }
    };
    const lanes = await Promise.allSettled(Array.from({ length: LANES }, lane));
    for (const result of lanes) if (result.status === "rejected") throw result.reason;
  }

  /** Gone at once under its name; its files go without anybody waiting for them. */
  function discard(dir: string): void {
    const trash = join(folders.tmp, `trash-${randomBytes(8).toString("hex")}`);
    try {
      renameSync(dir, trash);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
      throw error;
    }
    // What is left of it goes when the folder is opened next.
    const work = rm(trash, { recursive: true, force: true }).catch(() => undefined);
    removing.add(work);
    void work.then(() => removing.delete(work));
  }
}

/** Every file is there with its size; `only` limits that to one layer, whose folder `dir` then is. */
function isWhole(dir: string, { files }: PackageManifest, only?: LayerName): boolean {
  return files.every(([layer, path, , size]) => {
    if (only !== undefined && layer !== only) return true;
    const file = only === undefined ? path : path.slice(only.length + 1);
    return statSync(join(dir, file), { throwIfNoEntry: false })?.size === size;
  });
}
