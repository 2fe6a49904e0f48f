import { createReadStream, readFileSync, statSync } from "node:fs";
import { pipeline, Readable, Transform } from "node:stream";
import { AppError } from "../../errors.ts";

const READ_BYTES = 1024 * 1024;

export interface FileRange {
  /** Absolute. */
  file: string;
  start: number;
  size: number;
}

/** Those bytes of a file as a stream; `onPiece` is told of each piece that is taken. */
export function fileBody({ file, start, size }: FileRange, onPiece: (bytes: number) => void): Readable {
  if (size === 0) return Readable.from([]);
  const source = createReadStream(file, { start, end: start + size - 1, highWaterMark: READ_BYTES });
  const count = new Transform({
    highWaterMark: READ_BYTES,
    transform(piece: Buffer, _encoding, done) {
      onPiece(piece.length);
      done(null, piece);
    },
  });
  // Whichever ends first, the other must not stay open; the error reaches who reads.
  return pipeline(source, count, () => {});
}

/** A small file. Throws AppError FILE_CHANGED. */
export function readSmallFile(file: string, path: string, size: number): Buffer {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    throw fileChanged(path, "cannot be read any more", error);
  }
  if (bytes.length === size) return bytes;
  throw fileChanged(path, `has ${bytes.length} bytes, and had ${size} when it was packed`);
}

/** Throws AppError FILE_CHANGED where a file is not there in its old length. */
export function checkFileSize(file: string, path: string, size: number): void {
  const stat = statSync(file, { throwIfNoEntry: false });
  if (stat === undefined) throw fileChanged(path, "is not there any more");
  if (stat.size !== size)
    throw fileChanged(path, `has ${stat.size} bytes, and had ${size} when it was packed`);
}

export function fileChanged(path: string, how: string, cause?: unknown): AppError {
  return new AppError("FILE_CHANGED", `${path} ${how}: a file changed while it was sent.`, {
    hint: "Stop what writes to the package, then push again; what was sent is kept.",
    cause,
  });
}
