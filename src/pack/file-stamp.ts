import { type BigIntStats, statSync } from "node:fs";

/** What tells whether a file or folder is still what it was: inode, size, mtime and ctime in nanoseconds. */
export type FileStamp = readonly [inode: string, size: string, mtime: string, ctime: string];

export function stampOf(stat: BigIntStats): FileStamp {
  // The size of a folder says nothing, its times do.
  return [`${stat.ino}`, stat.isDirectory() ? "dir" : `${stat.size}`, `${stat.mtimeNs}`, `${stat.ctimeNs}`];
}

/** Null where there is nothing; links are followed. */
export function stampFile(path: string): FileStamp | null {
  try {
    return stampOf(statSync(path, { bigint: true }));
  } catch {
    return null;
  }
}

export function sameStamp(a: FileStamp | null | undefined, b: FileStamp | null | undefined): boolean {
  if (!a || !b) return a === b;
  return a.every((value, index) => value === b[index]);
}

/** Clocks of file systems tick: two writes within this time may bear the same stamp. */
const TICK_NS = 10_000_000n;

/** Was it last changed well before a moment (milliseconds since 1970)? */
export function isOlderThan(stamp: FileStamp, moment: number): boolean {
  const limit = BigInt(Math.floor(moment)) * 1_000_000n - TICK_NS;
  return BigInt(stamp[2]) < limit && BigInt(stamp[3]) < limit;
}
