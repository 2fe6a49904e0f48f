import { LAYERS, type PackageManifest } from "../../protocol/manifest.ts";
import type { PackageChange } from "../build.ts";

const MOST_LISTED = 10;

export function biggestFiles({ files }: PackageManifest): { path: string; bytes: number }[] {
  return files
    .map(([, path, , bytes]) => ({ path, bytes }))
    .sort((a, b) => b.bytes - a.bytes)
    .slice(0, MOST_LISTED);
}

/** What a package has that the one before had not, and the other way round. */
export function changeSince(before: PackageManifest, now: PackageManifest): PackageChange {
  const old = new Map(before.files.map((entry) => [entry[1], entry]));
  let added = 0;
  let changed = 0;
  for (const [, path, digest, , mode] of now.files) {
    const twin = old.get(path);
    old.delete(path);
    if (!twin) added += 1;
    else if (twin[2] !== digest || twin[4] !== mode) changed += 1;
  }
  return {
    package: before.package,
    layers: LAYERS.filter((name) => before.layers[name].tree !== now.layers[name].tree),
    added,
    removed: old.size,
    changed,
    bytes: sizeOf(now) - sizeOf(before),
  };
}

function sizeOf({ files }: PackageManifest): number {
  return files.reduce((sum, [, , , size]) => sum + size, 0);
}
