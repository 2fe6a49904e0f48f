import { createHash } from "node:crypto";
import { closeSync, fchmodSync, fstatSync, openSync, readSync, writeSync } from "node:fs";
import type { Digest } from "../protocol/manifest.ts";
import { cloneFile } from "./clone-file.ts";
import { type FileStamp, sameStamp, stampFile, stampOf } from "./file-stamp.ts";

export interface Copied {
  digest: Digest;
  size: number;
  stamp: FileStamp;
}

/** Half of a usual L2 cache: what was read is still there when it is hashed and written. */
const BUFFER_BYTES = 512 * 1024;
const MAX_ATTEMPTS = 3;

let buffer: Buffer | undefined;

/**
 * Copies a file, without moving a byte where the disk can, and hashes what the copy holds. One that changes meanwhile is copied again;
 * synchronously, because that is three times as fast as a stream.
 */
export function copyFile(from: string, to: string, mode: number): Copied {
  for (let attempt = 1; ; attempt++) {
    const copied = copyOnce(from, to, mode);
    if (copied.steady || attempt === MAX_ATTEMPTS) return copied;
  }
}

function copyOnce(from: string, to: string, mode: number): Copied & { steady: boolean } {
  const source = openSync(from, "r");
  try {
    const before = fstatSync(source, { bigint: true });
    const isCloned = cloneFile({ path: from, stat: before }, to, mode);
    // What was just read before is still in memory; the clone would come from the disk.
    const { digest, size } = isCloned ? hashBytes(source) : copyBytes(source, to, mode);
    // A clone was made by name: another file may have taken its place.
    const after = isCloned ? stampFile(from) : stampOf(fstatSync(source, { bigint: true }));
    return { digest, size, stamp: stampOf(before), steady: sameStamp(stampOf(before), after) };
  } finally {
    closeSync(source);
  }
}

function copyBytes(source: number, to: string, mode: number): { digest: Digest; size: number } {
  const target = openSync(to, "w", mode);
  try {
    fchmodSync(target, mode);
    return hashBytes(source, (piece) => {
      for (let written = 0; written < piece.length;) written += writeSync(target, piece, written);
    });
  } finally {
    closeSync(target);
  }
}

function hashBytes(source: number, take?: (piece: Buffer) => void): { digest: Digest; size: number } {
  buffer ??= Buffer.allocUnsafeSlow(BUFFER_BYTES);
  const hash = createHash("sha256");
  let size = 0;
  for (;;) {
    const count = readSync(source, buffer, 0, BUFFER_BYTES, null);
    if (count === 0) break;
    const piece = count === BUFFER_BYTES ? buffer : buffer.subarray(0, count);
    hash.update(piece);
    take?.(piece);
    size += count;
  }
  return { digest: `sha256:${hash.digest("hex")}`, size };
}
