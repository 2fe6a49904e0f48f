import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { Digest } from "../protocol/manifest.ts";
import { type FileStamp, isOlderThan, sameStamp } from "./file-stamp.ts";

/** Remembers the digest of each file by its stamp, so that unchanged data is not read again. */
export interface HashCache {
  get(path: string, stamp: FileStamp): Digest | undefined;
  /** `readAt` is when reading began: a file that changed since, or just before, is not remembered. */
  set(path: string, stamp: FileStamp, digest: Digest, readAt: number): void;
  /** Keeps what was asked for or set since it was opened. */
  save(): void;
}

type Entry = [...FileStamp, Digest];

const SCHEMA = 1;

/** Without a file it remembers nothing. */
export function openHashCache(file: string | null): HashCache {
  const known = file === null ? new Map<string, Entry>() : readEntries(file);
  const used = new Map<string, Entry>();
  let changed = false;
  return {
    get(path, stamp) {
      const entry = known.get(path);
      if (!entry) return undefined;
      const [inode, size, mtime, ctime, digest] = entry;
      if (!sameStamp([inode, size, mtime, ctime], stamp)) return undefined;
      used.set(path, entry);
      return digest;
    },
    set(path, stamp, digest, readAt) {
      changed = true;
      if (isOlderThan(stamp, readAt)) used.set(path, [...stamp, digest]);
    },
    save() {
      if (file === null || (!changed && used.size === known.size)) return;
      writeCacheFile(file, JSON.stringify({ schema: SCHEMA, files: Object.fromEntries(used) }));
    },
  };
}

function readEntries(file: string): Map<string, Entry> {
  try {
    const { schema, files } = JSON.parse(readFileSync(file, "utf8")) as {
      schema: number;
      files: Record<string, Entry>;
    };
    return new Map(schema === SCHEMA ? Object.entries(files) : []);
  } catch {
    // Missing or torn: then everything is read again.
    return new Map();
  }
}

/** Whole or not at all. A cache that cannot be written costs time and nothing else. */
export function writeCacheFile(file: string, text: string): void {
  const temporary = `${file}.${process.pid}.${Math.random().toString(36).slice(2)}`;
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(temporary, text);
    renameSync(temporary, file);
  } catch {
    // Read-only or full disk.
  }
}
