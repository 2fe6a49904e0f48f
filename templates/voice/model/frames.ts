import { FRAME_SAMPLES } from "./silero.ts";

const FRAME_BYTES = FRAME_SAMPLES * 2;

/** Cuts a stream of 16-bit little-endian samples into frames, however the bytes come in. */
export class FrameCutter {
  private rest = new Uint8Array(0);

  /** The frames that are complete now, as samples from -1 to 1. */
  *push(bytes: Uint8Array): Generator<Float32Array> {
    const joined = new Uint8Array(this.rest.length + bytes.length);
    joined.set(this.rest);
    joined.set(bytes, this.rest.length);
    // Before the first yield: what is left must be right even when the caller stops early.
    this.rest = joined.slice(joined.length - (joined.length % FRAME_BYTES));
    for (let at = 0; at + FRAME_BYTES <= joined.length; at += FRAME_BYTES) {
      const view = new DataView(joined.buffer, at, FRAME_BYTES);
      yield Float32Array.from({ length: FRAME_SAMPLES }, (_, i) => view.getInt16(i * 2, true) / 32768);
    }
  }
}
