import type { Socket } from "node:net";
import { HEADER_BYTES } from "./frames.ts";

const SLAB_BYTES = 64 * 1024;
/** Unread bytes beyond which a sender should pause; a burst of ordinary requests stays far below. */
const CONGESTED_BYTES = 4 * 1024 * 1024;

/**
 * Packs frames into slabs and writes what has gathered in one system call. Small frames of one turn of the
 * event loop share a write; the caller decides when a turn is over (`flush`) or lets `autoFlush` do it.
 */
export class FrameWriter {
  readonly #socket: Socket;
  #slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
  #start = 0;
  #end = 0;
  #scheduled = false;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** True while the other side reads slower than we write. */
  get congested(): boolean {
    return this.#socket.writableLength > CONGESTED_BYTES;
  }

  /**
   * Room for a frame's payload: fill `buffer` from `offset`, at once.
   * Larger payloads than a slab get a buffer of their own.
   */
  frame(type: number, id: number, payloadBytes: number): { buffer: Buffer; offset: number } {
    const total = HEADER_BYTES + payloadBytes;
    if (this.#end + total > SLAB_BYTES) {
      this.flush();
      if (total > SLAB_BYTES) return this.#largeFrame(type, id, payloadBytes);
      this.#slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
      this.#start = this.#end = 0;
    }
    const offset = writeHeader(this.#slab, this.#end, { type, id, payloadBytes });
    this.#end += total;
    return { buffer: this.#slab, offset };
  }

  empty(type: number, id: number): void {
    this.frame(type, id, 0);
  }

  u32(type: number, id: number, value: number): void {
    const { buffer, offset } = this.frame(type, id, 4);
    buffer.writeUInt32LE(value, offset);
  }

  json(type: number, id: number, value: unknown): void {
    this.bytes(type, id, Buffer.from(JSON.stringify(value)));
  }

  /** A frame with a payload that exists already; large ones are handed to the socket without a copy. */
  bytes(type: number, id: number, payload: Uint8Array): void {
    if (payload.byteLength <= SLAB_BYTES / 4) {
      const { buffer, offset } = this.frame(type, id, payload.byteLength);
      buffer.set(payload, offset);
      return;
    }
    const header = Buffer.allocUnsafe(HEADER_BYTES);
    writeHeader(header, 0, { type, id, payloadBytes: payload.byteLength });
    this.flush();
    this.#socket.cork();
    this.#socket.write(header);
    this.#socket.write(payload);
    this.#socket.uncork();
  }

  flush(): void {
    if (this.#end === this.#start) return;
    const batch = this.#slab.subarray(this.#start, this.#end);
    this.#start = this.#end;
    this.#socket.write(batch);
  }

  /** Flushes once the running callback and its microtasks are done. */
  flushSoon(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    process.nextTick(() => {
      this.#scheduled = false;
      this.flush();
    });
  }

  /** Flushes when the events of this turn of the loop have been handled. */
  autoFlush(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.flush();
    });
  }

  /** Callers fill the payload in after this returns: it is written at the next flush, in order. */
  #largeFrame(type: number, id: number, payloadBytes: number): { buffer: Buffer; offset: number } {
    const buffer = Buffer.allocUnsafeSlow(HEADER_BYTES + payloadBytes);
    const offset = writeHeader(buffer, 0, { type, id, payloadBytes });
    this.#slab = buffer;
    this.#start = 0;
    this.#end = buffer.byteLength;
    return { buffer, offset };
  }
}

function writeHeader(
  buffer: Buffer,
  at: number,
  header: { type: number; id: number; payloadBytes: number },
): number {
  buffer.writeUInt32LE(header.payloadBytes, at);
  buffer[at + 4] = header.type;
  buffer.writeUInt32LE(header.id, at + 5);
  return at + HEADER_BYTES;
}
