import { randomBytes } from "node:crypto";
import { closeSync, createWriteStream, openSync, readSync, renameSync, rmSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { constants, createGzip, deflateRawSync } from "node:zlib";
import { AppError } from "../errors.ts";
import { MANIFEST_FILE, type PackageManifest } from "../protocol/manifest.ts";
import { readPackage } from "./check-package.ts";

const SAMPLE_BYTES = 64 * 1024;
const MOST_SAMPLES = 40;
/** Above this, compression costs seconds and saves next to nothing. */
const INCOMPRESSIBLE = 0.9;

/**
 * A package folder as one .tgz: the same bytes for the same package. The manifest comes first, so that whoever
 * unpacks it knows what must follow. Throws AppError NOT_WRITABLE, PACKAGE_INVALID.
 */
export async function createArchive(dir: string, file: string): Promise<{ path: string; bytes: number }> {
  const { create } = await import("tar");
  const manifest = readPackage(dir);
  const modes = new Map(manifest.files.map(([, path, , , mode]) => [path, mode === "755" ? 0o755 : 0o644]));
  const temporary = join(dirname(file), `.${basename(file)}.${randomBytes(4).toString("hex")}`);
  const tar = create(
    {
      cwd: dir,
      portable: true,
      noMtime: true,
      noDirRecurse: true,
      onWriteEntry: (entry) => {
        if (entry.stat) entry.stat.mode = 0o100000 | (modes.get(entry.path) ?? 0o644);
      },
    },
    [MANIFEST_FILE, ...manifest.files.map(([, path]) => prefixed(path))],
  );
  const level = isCompressible(dir, manifest) ? 6 : constants.Z_NO_COMPRESSION;
  try {
    // A stream of its own kind: node's pipeline takes it by its async iterator.
    await pipeline(
      tar as unknown as AsyncIterable<Buffer>,
      createGzip({ level }),
      createWriteStream(temporary),
    );
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    const { code } = error as NodeJS.ErrnoException;
    if (!["EACCES", "EROFS", "EPERM", "ENOENT", "ENOTDIR", "EISDIR"].includes(code ?? "")) throw error;
    throw new AppError("NOT_WRITABLE", `The archive ${file} cannot be written: ${code}.`, {
      hint: "Name a file in a folder that exists and can be written to.",
      cause: error,
    });
  }
  return { path: file, bytes: statSync(file).size };
}

/** node-tar takes a leading @ for the name of another archive. */
function prefixed(path: string): string {
  return path.startsWith("@") ? `./${path}` : path;
}

/** By samples from the middle of the biggest files, each counting for the size of its file. */
function isCompressible(dir: string, { files }: PackageManifest): boolean {
  const biggest = [...files].sort((a, b) => b[3] - a[3]).slice(0, MOST_SAMPLES);
  let bytes = 0;
  let packed = 0;
  for (const [, path, , size] of biggest) {
    const sample = readSample(join(dir, path), size);
    if (sample.length === 0) continue;
    bytes += size;
    packed += size * (deflateRawSync(sample, { level: 1 }).length / sample.length);
  }
  return bytes === 0 || packed / bytes < INCOMPRESSIBLE;
}

function readSample(file: string, size: number): Buffer {
  const sample = Buffer.alloc(Math.min(size, SAMPLE_BYTES));
  const fd = openSync(file, "r");
  try {
    const start = Math.max(0, Math.floor((size - sample.length) / 2));
    return sample.subarray(0, readSync(fd, sample, 0, sample.length, start));
  } finally {
    closeSync(fd);
  }
}
