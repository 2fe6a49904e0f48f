import { createHash } from "node:crypto";
import { once } from "node:events";
import { createGunzip } from "node:zlib";
import { pipeline } from "node:stream";
import { createReadStream, statSync } from "node:fs";
import { mkdir, open, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Parser, ReadEntry } from "tar";
import { AppError, isAppError } from "../errors.ts";
import { type FileEntry, MANIFEST_FILE, type PackageManifest } from "../protocol/manifest.ts";
import { checkManifest } from "./check-manifest.ts";

/** A manifest of a million files; more is an attack. */
const MAX_MANIFEST_BYTES = 256 * 1024 * 1024;
/** Gzip itself stops at about 1030; real packages stay under 20. */
const MAX_RATIO = 200;
const SMALL_BYTES = 1024 ** 3;
const READ_BYTES = 512 * 1024;

/**
 * Unpacks an archive made by `createArchive` into an empty or missing folder. Nothing in the archive is trusted:
 * only regular files that its manifest lists are written, each exactly once, of exactly the size and digest
 * listed. Throws AppError PACKAGE_INVALID; then the folder is removed.
 */
export async function unpackArchive(file: string, dir: string): Promise<PackageManifest> {
  const tar = await import("tar");
  const archiveBytes = sizeOf(file);
  const invalid = (what: string): AppError =>
    new AppError("PACKAGE_INVALID", `${file} is not a valid package archive: ${what}.`, {
      hint: "Make one with: purlin build --archive FILE.tgz",
    });
  let manifest: PackageManifest | null = null;
  const waiting = new Map<string, FileEntry>();
  let work = Promise.resolve();
  let current: ReadEntry | null = null;
  let isOver = false;
  let fail: (error: unknown) => void = () => {};
  const fault = new Promise<never>((_resolve, reject) => (fail = reject));
  // Raced against below; before that it is no unhandled rejection.
  fault.catch(() => {});

  const parser = new tar.Parser({
    strict: true,
    onReadEntry: (entry) => {
      // One after the other, in the order of the archive.
      work = work
        .then(() => {
          if (isOver) return void entry.resume();
          current = entry;
          return take(entry);
        })
        .catch(fail);
    },
  });
  try {
    await mkdir(dir, { recursive: true });
    await Promise.race([fault, feed(file, parser, fault)]);
    await Promise.race([fault, work]);
    if (manifest === null) throw invalid(`it has no ${MANIFEST_FILE}`);
    const [missing] = waiting.keys();
    if (missing !== undefined) throw invalid(`${missing} is missing`);
    return manifest;
  } catch (error) {
    // Ends the reading of an entry whose rest will never come, so that its file is closed.
    isOver = true;
    const unfinished = current as ReadEntry | null;
    unfinished?.on("error", () => {});
    unfinished?.destroy(new Error("given up"));
    await work;
    await rm(dir, { recursive: true, force: true });
    if (isAppError(error)) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    // The system's own faults, such as a full disk, say nothing about the archive.
    if (code !== undefined && /^E[A-Z]+$/.test(code)) throw error;
    throw invalid(message);
  }

  async function take(entry: ReadEntry): Promise<void> {
    const path = entry.path.replace(/^\.\//, "");
    if (entry.type === "Directory" && manifest !== null) return void entry.resume();
    if (entry.type !== "File" && entry.type !== "OldFile") throw invalid(`${path} is a ${entry.type}`);
    if (manifest === null) return takeManifest(entry, path);
    const listed = waiting.get(path);
    if (!listed) throw invalid(`${path} is listed nowhere, or there twice`);
    waiting.delete(path);
    const [, , digest, size, mode] = listed;
    if (entry.size !== size) throw invalid(`${path} has ${entry.size} bytes, not ${size}`);
    const target = join(dir, path);
    await mkdir(dirname(target), { recursive: true });
    const written = await writeEntry(entry, target, mode === "755" ? 0o755 : 0o644);
    if (written !== digest) throw invalid(`${path} has another content than its digest says`);
  }

  async function takeManifest(entry: ReadEntry, path: string): Promise<void> {
    if (path !== MANIFEST_FILE) throw invalid(`it does not begin with ${MANIFEST_FILE}`);
    if (entry.size > MAX_MANIFEST_BYTES) throw invalid("its manifest is too large");
    const chunks: Buffer[] = [];
    for await (const chunk of entry) chunks.push(chunk);
    const text = Buffer.concat(chunks);
    manifest = checkManifest(parseJson(text.toString("utf8")), file);
    const total = manifest.files.reduce((sum, [, , , size]) => sum + size, 0);
    if (total > SMALL_BYTES && total > archiveBytes * MAX_RATIO) {
      throw invalid(`it would grow from ${archiveBytes} to ${total} bytes`);
    }
    for (const listed of manifest.files) waiting.set(listed[1], listed);
    for (const layer of Object.keys(manifest.layers)) await mkdir(join(dir, layer), { recursive: true });
    await writeFile(join(dir, MANIFEST_FILE), text, { flag: "wx", mode: 0o644 });
  }

  function parseJson(text: string): unknown {
    try {
      return JSON.parse(text);
    } catch {
      throw invalid("its manifest is no JSON");
    }
  }

  function sizeOf(path: string): number {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat?.isFile()) return stat.size;
    throw new AppError("PACKAGE_INVALID", `There is no file ${path}.`);
  }
}

/** Ends when the parser has given out its last entry. */
async function feed(file: string, parser: Parser, fault: Promise<never>): Promise<void> {
  const ended = new Promise<void>((resolve, reject) => {
    parser.on("end", resolve);
    parser.on("error", reject);
  });
  ended.catch(() => {});
  const source = createReadStream(file, { highWaterMark: READ_BYTES });
  // Node's own decompression, whose faults come as errors at their place.
  const bytes: AsyncIterable<Buffer> = (await isGzip(file))
    ? pipeline(source, createGunzip(), () => {})
    : source;
  for await (const chunk of bytes) {
    if (!parser.write(chunk)) await Promise.race([once(parser, "drain"), ended, fault]);
  }
  parser.end();
  await Promise.race([ended, fault]);
}

async function isGzip(file: string): Promise<boolean> {
  const handle = await open(file, "r");
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(2), 0, 2, 0);
    return bytesRead === 2 && buffer.readUInt16BE() === 0x1f8b;
  } finally {
    await handle.close();
  }
}

/** Never through what is there already: the folder is ours, and each path comes once. */
async function writeEntry(entry: ReadEntry, target: string, mode: number): Promise<string> {
  const hash = createHash("sha256");
  const handle = await open(target, "wx", mode);
  try {
    for await (const chunk of entry) {
      hash.update(chunk);
      await handle.write(chunk);
    }
    await handle.chmod(mode);
  } finally {
    await handle.close();
  }
  return `sha256:${hash.digest("hex")}`;
}
