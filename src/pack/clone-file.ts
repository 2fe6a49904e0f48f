import { type BigIntStats, chmodSync, constants, copyFileSync } from "node:fs";
import { isOlderThan, stampOf } from "./file-stamp.ts";

/** Below it a plain copy is as quick. */
const LEAST_BYTES = 64n * 1024n;

/** Devices from which no file could be cloned so far: their file systems cannot, or the copy is for another one. */
const without = new Set<bigint>();

/**
 * A copy that shares its blocks with the original until one of the two is written to (btrfs, XFS, APFS): no byte is
 * moved, and yet neither can change the other. It holds what the original holds as long as the stamp of that one
 * stays what it was, so a file that is being written is not cloned. False where nothing was, and `to` is free.
 */
export function cloneFile(from: { path: string; stat: BigIntStats }, to: string, mode: number): boolean {
  const { path, stat } = from;
  if (stat.size < LEAST_BYTES || without.has(stat.dev) || !isOlderThan(stampOf(stat), Date.now()))
    return false;
  try {
    copyFileSync(path, to, constants.COPYFILE_FICLONE_FORCE);
  } catch {
    // Whatever else is wrong with these two, the plain copy tells.
    without.add(stat.dev);
    return false;
  }
  chmodSync(to, mode);
  return true;
}
