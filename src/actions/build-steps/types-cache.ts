import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { writeCacheFile } from "../../pack/hash-cache.ts";
import type { ReadTypes, TypesSource } from "../../types/types-service.ts";
import { installDir } from "../../util/install-dir.ts";
import { cacheDirOf } from "./unchanged.ts";

const SCHEMA = 1;

interface Memory {
  schema: number;
  key: string;
  /** Digest of the names in each folder of the user's own files: another file may be what an import means. */
  folders: Record<string, string>;
  read: ReadTypes;
}

/** What was read before, where it would be read again now. */
export function findReadTypes(source: TypesSource): ReadTypes | null {
  try {
    const memory = JSON.parse(readFileSync(fileOf(source), "utf8")) as Memory;
    if (memory.schema !== SCHEMA || memory.key !== keyOf(source)) return null;
    const { read, folders } = memory;
    const isSame =
      Object.entries(read.files).every(([path, digest]) => digestOfFile(path) === digest) &&
      Object.entries(folders).every(([dir, digest]) => digestOfFolder(dir) === digest);
    return isSame ? read : null;
  } catch {
    // No memory, a torn one, or a file is gone.
    return null;
  }
}

/** Not where an import was not found: it may be, next time. */
export function rememberReadTypes(source: TypesSource, read: ReadTypes): void {
  if (!read.complete) return;
  const own = Object.keys(read.files).filter((path) => !path.includes("/node_modules/"));
  const folders = Object.fromEntries(
    [...new Set(own.map((path) => dirname(path)))].map((dir) => [dir, digestOfFolder(dir)]),
  );
  const memory: Memory = { schema: SCHEMA, key: keyOf(source), folders, read };
  writeCacheFile(fileOf(source), JSON.stringify(memory));
}

function keyOf({ projectDir, modelFile, className, checks }: TypesSource): string {
  const { mtimeMs, size } = statSync(join(installDir(), "dist/cli/types-worker.mjs"));
  return JSON.stringify([projectDir, modelFile, className, checks, mtimeMs, size]);
}

function fileOf({ projectDir }: TypesSource): string {
  return join(cacheDirOf(projectDir), "types.json");
}

function digestOfFile(path: string): string {
  return digestOf(readFileSync(path, "utf8"));
}

function digestOfFolder(dir: string): string {
  const names = readdirSync(dir).filter((name) => name !== ".purlin");
  return digestOf(names.sort().join("/"));
}

/** As types/model-program.ts has it. */
function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 32);
}
