/** Of Node's `ServerResponse` what writing a piece of its body takes. */
export interface OpenAnswer {
  /** Set by Node with the head: the body is sent in chunks, because nobody knows its length yet. */
  chunkedEncoding: boolean;
  write(bytes: Uint8Array, taken?: () => void): boolean;
}

/** The hexadecimal size of a chunk and the two line ends around the chunk. */
const FRAME_BYTES = 8 + 4;

/**
 * Writes a copy of `bytes` as the next piece of an answer whose head is written: one chunk of its own where the answer
 * is chunked. Every answer that comes in pieces is written by this function, and ended by `res.end()`.
 *
 * The function frames the chunk itself, because Node's own chunks depend on its version: between `cork()` and
 * `uncork()`, Node 22 and 24 lose all but the first piece at `end()`, and 26 joins the pieces of one turn into one
 * chunk. Node corks the socket for the turn anyway, so that pieces of one turn still leave in one system call.
 */
export function writePiece(answer: OpenAnswer, bytes: Uint8Array, taken?: () => void): boolean {
  if (!answer.chunkedEncoding || bytes.byteLength === 0) return answer.write(Buffer.from(bytes), taken);
  const chunk = framed(bytes);
  answer.chunkedEncoding = false;
  try {
    return answer.write(chunk, taken);
  } finally {
    // The last chunk, and the trailers, are Node's.
    answer.chunkedEncoding = true;
  }
}

function framed(bytes: Uint8Array): Buffer {
  const chunk = Buffer.allocUnsafe(bytes.byteLength + FRAME_BYTES);
  const start = chunk.write(`${bytes.byteLength.toString(16)}\r\n`, "latin1");
  chunk.set(bytes, start);
  const end = start + bytes.byteLength;
  chunk[end] = 0x0d;
  chunk[end + 1] = 0x0a;
  return chunk.subarray(0, end + 2);
}
