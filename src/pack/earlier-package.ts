import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Digest, MANIFEST_FILE, type PackageManifest } from "../protocol/manifest.ts";
import { type FileStamp, sameStamp, stampFile } from "./file-stamp.ts";
import { writeCacheFile } from "./hash-cache.ts";

/** The package that a build is about to replace, as far as its files are still what was written. */
export interface EarlierPackage {
  find(path: string, digest: Digest, mode: string): { path: string; size: number } | null;
}

/** Beside the manifest, the stamps of the packed files; the last one, which links change, does not count. */
interface Memory {
  package: Digest;
  stamps: Record<string, FileStamp>;
}

export function openEarlierPackage(place: string, cacheDir: string | null): EarlierPackage {
  const memory = readMemory(place, cacheDir);
  const manifest = memory === null ? null : readManifestFile(place);
  if (memory === null || manifest?.package !== memory.package) return { find: () => null };
  const files = new Map(manifest.files.map((entry) => [entry[1], entry]));
  return {
    find(path, digest, mode) {
      const entry = files.get(path);
      if (!entry || entry[2] !== digest || entry[4] !== mode) return null;
      const packed = join(place, path);
      return sameContent(memory.stamps[path], stampFile(packed)) ? { path: packed, size: entry[3] } : null;
    },
  };
}

export function rememberPackage(place: string, cacheDir: string | null, manifest: PackageManifest): void {
  if (cacheDir === null) return;
  const stamps: Record<string, FileStamp> = {};
  for (const path of [MANIFEST_FILE, ...manifest.files.map((entry) => entry[1])]) {
    const stamp = stampFile(join(place, path));
    if (stamp) stamps[path] = stamp;
  }
  writeCacheFile(memoryFile(place, cacheDir), JSON.stringify({ package: manifest.package, stamps }));
}

/** Is the package at `place` the one that was written last, every file of it untouched? */
export function isUntouched(place: string, cacheDir: string): Digest | null {
  const memory = readMemory(place, cacheDir);
  if (memory === null) return null;
  for (const [path, stamp] of Object.entries(memory.stamps)) {
    if (!sameContent(stamp, stampFile(join(place, path)))) return null;
  }
  return memory.package;
}

function sameContent(a: FileStamp | undefined, b: FileStamp | null): boolean {
  return !!a && !!b && sameStamp([a[0], a[1], a[2], ""], [b[0], b[1], b[2], ""]);
}

function readMemory(place: string, cacheDir: string | null): Memory | null {
  if (cacheDir === null) return null;
  try {
    return JSON.parse(readFileSync(memoryFile(place, cacheDir), "utf8")) as Memory;
  } catch {
    return null;
  }
}

export function readManifestFile(dir: string): PackageManifest | null {
  try {
    return JSON.parse(readFileSync(join(dir, MANIFEST_FILE), "utf8")) as PackageManifest;
  } catch {
    return null;
  }
}

function memoryFile(place: string, cacheDir: string): string {
  const name = createHash("sha256").update(place).digest("hex").slice(0, 12);
  return join(cacheDir, `package-${name}.json`);
}
