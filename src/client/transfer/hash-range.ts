import { createHash } from "node:crypto";
import { open } from "node:fs/promises";

const PIECE_BYTES = 1024 * 1024;

/** SHA-256 of a part of a file; `end` is the last byte. */
export async function hashRange(
  path: string,
  { start, end }: { start: number; end: number },
): Promise<Buffer> {
  const hash = createHash("sha256");
  const buffer = Buffer.allocUnsafe(PIECE_BYTES);
  const handle = await open(path, "r");
  try {
    for (let at = start; at <= end;) {
      const { bytesRead } = await handle.read(buffer, 0, Math.min(PIECE_BYTES, end - at + 1), at);
      if (bytesRead === 0) break;
      hash.update(buffer.subarray(0, bytesRead));
      at += bytesRead;
    }
    return hash.digest();
  } finally {
    await handle.close();
  }
}
