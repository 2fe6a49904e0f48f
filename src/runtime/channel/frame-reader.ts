import { HEADER_BYTES, isBulk } from "./frames.ts";

/**
 * Called with each frame. The payload lies in a buffer that is used again for the next read: a handler
 * copies what it keeps. Bulk frames come in pieces.
 */
export type FrameHandler = (type: number, id: number, payload: Buffer) => void;

/** Cuts what arrives on the channel into frames. */
export class FrameReader {
  readonly #onFrame: FrameHandler;
  /** A frame of which only a part has arrived. */
  #partial: Buffer | null = null;
  #partialBytes = 0;
  /** Bytes still to come of a bulk frame that is being handed on. */
  #bulkLeft = 0;
  #bulkType = 0;
  #bulkId = 0;

  constructor(onFrame: FrameHandler) {
    this.#onFrame = onFrame;
  }

  push(chunk: Buffer): void {
    let at = 0;
    const end = chunk.byteLength;
    while (at < end) {
      if (this.#bulkLeft > 0) {
        const take = Math.min(this.#bulkLeft, end - at);
        this.#bulkLeft -= take;
        this.#onFrame(this.#bulkType, this.#bulkId, chunk.subarray(at, at + take));
        at += take;
        continue;
      }
      if (this.#partial !== null) {
        at = this.#fillPartial(chunk, at);
        continue;
      }
      if (end - at < HEADER_BYTES) {
        this.#keepPartial(chunk, at, HEADER_BYTES);
        return;
      }
      const length = chunk.readUInt32LE(at);
      const type = chunk[at + 4] as number;
      const id = chunk.readUInt32LE(at + 5);
      const next = at + HEADER_BYTES + length;
      if (isBulk(type)) {
        this.#startBulk(type, id, length);
        at += HEADER_BYTES;
      } else if (next > end) {
        this.#keepPartial(chunk, at, HEADER_BYTES + length);
        return;
      } else {
        this.#onFrame(type, id, chunk.subarray(at + HEADER_BYTES, next));
        at = next;
      }
    }
  }

  #startBulk(type: number, id: number, length: number): void {
    this.#bulkType = type;
    this.#bulkId = id;
    this.#bulkLeft = length;
  }

  #keepPartial(chunk: Buffer, at: number, frameBytes: number): void {
    this.#partial = Buffer.allocUnsafe(frameBytes);
    this.#partialBytes = chunk.copy(this.#partial, 0, at);
  }

  #fillPartial(chunk: Buffer, at: number): number {
    let partial = this.#partial as Buffer;
    const take = Math.min(partial.byteLength - this.#partialBytes, chunk.byteLength - at);
    chunk.copy(partial, this.#partialBytes, at, at + take);
    this.#partialBytes += take;
    if (this.#partialBytes < partial.byteLength) return at + take;
    const length = partial.readUInt32LE(0);
    const type = partial[4] as number;
    const id = partial.readUInt32LE(5);
    if (partial.byteLength === HEADER_BYTES && length > 0) {
      if (isBulk(type)) {
        this.#partial = null;
        this.#startBulk(type, id, length);
        return at + take;
      }
      const whole = Buffer.allocUnsafe(HEADER_BYTES + length);
      partial.copy(whole);
      this.#partial = partial = whole;
      return at + take;
    }
    this.#partial = null;
    this.#onFrame(type, id, partial.subarray(HEADER_BYTES));
    return at + take;
  }
}
