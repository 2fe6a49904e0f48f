import { linkSync, mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { AppError } from "../errors.ts";
import type { Reporter } from "../events.ts";
import {
  type FileEntry,
  LAYERS,
  MANIFEST_FILE,
  MANIFEST_SCHEMA,
  PACKAGE_PATHS,
  type PackageManifest,
} from "../protocol/manifest.ts";
import { findPathClash, pathProblem } from "../protocol/package-path.ts";
import { copyFiles, type CopyJob } from "./copy-files.ts";
import { layersOf, packageDigest, sha256, sortEntries } from "./digest.ts";
import { stampFile } from "./file-stamp.ts";
import { type HashCache, openHashCache } from "./hash-cache.ts";
import type { PackageFile } from "./package-file.ts";
import { type EarlierPackage, openEarlierPackage, rememberPackage } from "./earlier-package.ts";
import { makeStaging, putInPlace } from "./put-in-place.ts";

export interface PackOptions {
  /** Absolute folder that becomes the package; what is there is replaced whole. */
  place: string;
  files: readonly PackageFile[];
  modelName: string;
  target: string;
  runtimeVersion: string;
  className: string;
  /** model/model.ts, for messages. */
  source: string;
  /** Folder for what is remembered between builds; null for nothing. */
  cacheDir: string | null;
  report: Reporter;
  signal?: AbortSignal | undefined;
}

/**
 * Writes a package folder: copies, hashes and seals it, then moves it to its place in one step.
 * Throws AppError PATH_INVALID, NOT_WRITABLE, FILES_EXIST.
 */
export async function packPackage(options: PackOptions): Promise<PackageManifest> {
  const { place, cacheDir } = options;
  const files = checkPaths(options.files);
  const staging = makeStaging(place);
  try {
    const cache = openHashCache(cacheDir === null ? null : join(cacheDir, "files.json"));
    const earlier = openEarlierPackage(place, cacheDir);
    const entries = await writeFiles(files, { staging, cache, earlier, options });
    const manifest = manifestOf(entries, options);
    writeFileSync(join(staging, MANIFEST_FILE), `${JSON.stringify(manifest)}\n`, { mode: 0o644 });
    options.signal?.throwIfAborted();
    putInPlace(staging, place);
    cache.save();
    rememberPackage(place, cacheDir, manifest);
    return manifest;
  } catch (error) {
    rmSync(staging, { recursive: true, force: true });
    throw error;
  }
}

/** The manifest of these files; nothing in it tells when or where it was made. */
export function manifestOf(
  entries: readonly FileEntry[],
  info: Pick<PackOptions, "modelName" | "target" | "runtimeVersion" | "className" | "source">,
): PackageManifest {
  const { target, runtimeVersion } = info;
  const layers = layersOf(entries);
  return {
    schema: MANIFEST_SCHEMA,
    model_name: info.modelName,
    package: packageDigest({ target, runtimeVersion, layers }),
    target,
    runtime_version: runtimeVersion,
    entry: { module: PACKAGE_PATHS.model, class_name: info.className, source: info.source },
    layers,
    files: sortEntries(entries),
  };
}

interface Writing {
  staging: string;
  cache: HashCache;
  earlier: EarlierPackage;
  options: PackOptions;
}

async function writeFiles(files: readonly PackageFile[], writing: Writing): Promise<FileEntry[]> {
  const { staging, cache, earlier, options } = writing;
  makeFolders(files, staging);
  const entries: FileEntry[] = [];
  const jobs: (CopyJob & { file: PackageFile })[] = [];
  for (const file of files) {
    const to = join(staging, file.path);
    const mode = file.mode === "755" ? 0o755 : 0o644;
    if (typeof file.source !== "string") {
      writeFileSync(to, file.source, { mode });
      entries.push([file.layer, file.path, sha256(file.source), file.source.length, file.mode]);
      continue;
    }
    const linked = linkEarlier(file, to, { cache, earlier });
    if (linked) entries.push(linked);
    else jobs.push({ from: file.source, to, mode, size: statSync(file.source).size, file });
  }
  const total = jobs.reduce((sum, { size }) => sum + size, 0);
  const readAt = Date.now();
  const copied = await copyFiles(jobs, {
    signal: options.signal,
    onProgress: (done) =>
      options.report.emit({ type: "progress", what: "packing", done, total, unit: "bytes" }),
  });
  jobs.forEach(({ file, from }, index) => {
    const result = copied[index];
    if (!result) throw new Error(`${from} was not copied`);
    cache.set(from, result.stamp, result.digest, readAt);
    entries.push([file.layer, file.path, result.digest, result.size, file.mode]);
  });
  return entries;
}

/** The file of the package before, where it holds the same bytes: one inode for both, nothing is read. */
function linkEarlier(
  file: PackageFile,
  to: string,
  { cache, earlier }: { cache: HashCache; earlier: EarlierPackage },
): FileEntry | null {
  if (typeof file.source !== "string") return null;
  const stamp = stampFile(file.source);
  const digest = stamp === null ? undefined : cache.get(file.source, stamp);
  const found = digest === undefined ? null : earlier.find(file.path, digest, file.mode);
  if (found === null || digest === undefined) return null;
  try {
    linkSync(found.path, to);
    return [file.layer, file.path, digest, found.size, file.mode];
  } catch {
    // Another disk, or too many links: copied instead.
    return null;
  }
}

function makeFolders(files: readonly PackageFile[], staging: string): void {
  const folders = new Set<string>(LAYERS);
  for (const { path } of files) folders.add(dirname(path));
  for (const folder of folders) mkdirSync(join(staging, folder), { recursive: true });
}

function checkPaths(files: readonly PackageFile[]): readonly PackageFile[] {
  for (const { path } of files) {
    const problem = pathProblem(path);
    if (problem === null) continue;
    throw new AppError("PATH_INVALID", `${JSON.stringify(path)} ${problem}.`, {
      hint: "Rename it: other machines, archives and servers could not hold it under that name.",
      data: { path },
    });
  }
  const clash = findPathClash(files.map(({ path }) => path));
  if (clash) {
    throw new AppError("PATH_INVALID", `${clash.second} clashes with ${clash.first}: it ${clash.reason}.`, {
      hint: "Rename one of the two: some disks cannot hold both.",
      data: { paths: [clash.first, clash.second] },
    });
  }
  return files;
}
