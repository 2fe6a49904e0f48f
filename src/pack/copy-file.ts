import { createHash } from "node:crypto";
import { closeSync, fchmodSync, fstatSync, openSync, readSync, writeSync } from "node:fs";
import type { Digest } from "../protocol/manifest.ts";
import { type FileStamp, sameStamp, stampOf } from "./file-stamp.ts";

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
 * Copies a file and hashes exactly the bytes that were written. One that changes meanwhile is copied again;
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
    const before = stampOf(fstatSync(source, { bigint: true }));
    const { digest, size } = copyBytes(source, to, mode);
    const after = stampOf(fstatSync(source, { bigint: true }));
    return { digest, size, stamp: before, steady: sameStamp(before, after) };
  } finally {
    closeSync(source);
  }
}

function copyBytes(source: number, to: string, mode: number): { digest: Digest; size: number } {
  buffer ??= Buffer.allocUnsafeSlow(BUFFER_BYTES);
  const hash = createHash("sha256");
  const target = openSync(to, "w", mode);
  let size = 0;
  try {
    fchmodSync(target, mode);
    for (;;) {
      const count = readSync(source, buffer, 0, BUFFER_BYTES, null);
      if (count === 0) break;
      const piece = count === BUFFER_BYTES ? buffer : buffer.subarray(0, count);
      hash.update(piece);
      for (let written = 0; written < count;) written += writeSync(target, piece, written, count - written);
      size += count;
    }
  } finally {
    closeSync(target);
  }
  return { digest: `sha256:${hash.digest("hex")}`, size };
}
