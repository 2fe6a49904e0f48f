import { join } from "node:path";
import { Readable } from "node:stream";
import type { FileEntry } from "../../protocol/manifest.ts";
import { readSmallFile } from "./file-body.ts";

const PIECE_BYTES = 64 * 1024;

/** u32be n, n bytes of JSON `[[digest, size], ...]`, then the bytes of the files. Throws AppError FILE_CHANGED. */
export function batchBody(dir: string, entries: readonly FileEntry[]): Buffer {
  const head = Buffer.from(JSON.stringify(entries.map(([, , digest, size]) => [digest, size])));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(head.length);
  const files = entries.map(([, path, , size]) => readSmallFile(join(dir, path), path, size));
  return Buffer.concat([length, head, ...files]);
}

/** In pieces, so that a slow network is seen to move. */
export function inPieces(body: Buffer, onPiece: (bytes: number) => void): Readable {
  function* pieces(): Generator<Buffer> {
    for (let at = 0; at < body.length; at += PIECE_BYTES) {
      const piece = body.subarray(at, at + PIECE_BYTES);
      onPiece(piece.length);
      yield piece;
    }
  }
  return Readable.from(pieces(), { objectMode: false });
}
