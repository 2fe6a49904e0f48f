import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import type { Digest } from "../../protocol/manifest.ts";

const PIECE_BYTES = 1024 * 1024;

/** Piece by piece, so that requests are answered in between; 1 MiB of memory whatever the file. */
export async function hashFile(path: string): Promise<Digest> {
  const hash = createHash("sha256");
  const buffer = Buffer.allocUnsafe(PIECE_BYTES);
  const handle = await open(path, "r");
  try {
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, PIECE_BYTES, null);
      if (bytesRead === 0) return `sha256:${hash.digest("hex")}`;
      hash.update(buffer.subarray(0, bytesRead));
    }
  } finally {
    await handle.close();
  }
}
