import { createHash } from "node:crypto";
import { readdirSync, readFileSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { isUntouched } from "../../pack/earlier-package.ts";
import { type FileStamp, isOlderThan, sameStamp, stampFile } from "../../pack/file-stamp.ts";
import { writeCacheFile } from "../../pack/hash-cache.ts";
import { hostTargetName } from "../../util/host-target.ts";
import { runtimeFiles } from "../../pack/runtime-files.ts";
import { installDir } from "../../util/install-dir.ts";
import type { BuildOptions, BuildResult } from "../build.ts";

const SCHEMA = 1;

interface Memory {
  schema: number;
  /** What was asked for, and on which machine. */
  key: string;
  stamps: Record<string, FileStamp | null>;
  result: BuildResult;
}

export function cacheDirOf(projectDir: string): string {
  return join(projectDir, ".purlin", "cache");
}

/** The result of the last build, where each file that went into it and each that came out is still the same. */
export function findUnchanged(options: BuildOptions, place: string): BuildResult | null {
  try {
    const cacheDir = cacheDirOf(realpathSync(options.dir));
    const memory = JSON.parse(readFileSync(memoryFile(cacheDir, place), "utf8")) as Memory;
    if (memory.schema !== SCHEMA || memory.key !== keyOf(options)) return null;
    const root = dirname(dirname(cacheDir));
    for (const [path, stamp] of Object.entries(memory.stamps)) {
      if (!sameStamp(stamp, stampInput(path, root))) return null;
    }
    if (isUntouched(place, cacheDir) !== memory.result.package) return null;
    return { ...memory.result, changed_since_last: null, cached: true };
  } catch {
    // No memory, or a torn one.
    return null;
  }
}

export interface BuildMemory {
  result: BuildResult;
  /** Absolute paths of what the result depends on; what is not there now must not be there later. */
  inputs: Iterable<string>;
  /** When the build began, in milliseconds since 1970. */
  startedAt: number;
}

/** Not where something changed since the build began: whether that went into it, nobody knows. */
export function rememberBuild(options: BuildOptions, place: string, memory: BuildMemory): void {
  const stamps: Memory["stamps"] = {};
  const root = realpathSync(options.dir);
  for (const input of [...memory.inputs, ...installedFiles()]) {
    const stamp = stampInput(input, root);
    if (stamp !== null && input !== root && !isOlderThan(stamp, memory.startedAt)) return;
    stamps[input] = stamp;
  }
  const { result } = memory;
  const text = JSON.stringify({ schema: SCHEMA, key: keyOf(options), stamps, result } satisfies Memory);
  writeCacheFile(memoryFile(cacheDirOf(root), place), text);
}

/** Building itself changes the times of the project folder: there the names count. */
function stampInput(path: string, root: string): FileStamp | null {
  if (path !== root) return stampFile(path);
  const names = readdirSync(root).filter((name) => name !== ".purlin");
  return ["root", names.sort().join("/"), "", ""];
}

function keyOf({ target }: BuildOptions): string {
  return `${target ?? ""} on ${hostTargetName()}`;
}

/** Another version of Purlin makes another package. */
function installedFiles(): string[] {
  const runtime = runtimeFiles().map(({ path }) => path);
  const names = ["package.json", "cli/main.mjs", "cli/types-worker.mjs", "sdk/index.mjs", ...runtime];
  return names.map((name) => join(installDir(), "dist", name));
}

function memoryFile(cacheDir: string, place: string): string {
  const name = createHash("sha256").update(place).digest("hex").slice(0, 12);
  return join(cacheDir, `build-${name}.json`);
}
