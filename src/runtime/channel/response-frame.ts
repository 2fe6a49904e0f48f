import type { FrameWriter } from "./frame-writer.ts";

/** Content types that need no header on the channel; 0 says that the headers tell. */
export const CONTENT_TYPES = [
  "",
  "application/json",
  "application/octet-stream",
  "text/plain; charset=utf-8",
  "application/x-ndjson",
  "text/event-stream",
] as const;

export const ContentType = { HEADERS: 0, JSON: 1, BYTES: 2, TEXT: 3, NDJSON: 4, SSE: 5 } as const;

export interface Timings {
  /** Milliseconds in user code; 0 where there was none. */
  preprocess: number;
  predict: number;
  postprocess: number;
}

export interface ResponseHead {
  status: number;
  contentType: number;
  /** Names and values in turn. */
  headers: string[];
  /** Bytes of the body, -1 for a stream. */
  bodyBytes: number;
  timings: Timings;
  /** An error code of ours, so that the front can count it; empty otherwise. */
  code: string;
}

const FIXED_BYTES = 2 + 1 + 8 + 4 * 3 + 4 + 1;

/** Writes RESPONSE (with its body) or RESPONSE_HEAD (without). `json` is written as UTF-8 in place. */
export function writeResponse(
  writer: FrameWriter,
  frame: { type: number; id: number },
  response: { head: ResponseHead; body: string | Uint8Array | null },
): void {
  const { head, body } = response;
  const headers = head.headers.length === 0 ? "" : head.headers.join("\n");
  const bodyBytes = body === null ? 0 : typeof body === "string" ? Buffer.byteLength(body) : body.byteLength;
  const bytes = FIXED_BYTES + headers.length + head.code.length + bodyBytes;
  const { buffer, offset } = writer.frame(frame.type, frame.id, bytes);
  buffer.writeUInt16LE(head.status, offset);
  buffer[offset + 2] = head.contentType;
  buffer.writeDoubleLE(head.bodyBytes, offset + 3);
  writeTimings(buffer, offset + 11, head.timings);
  buffer.writeUInt32LE(headers.length, offset + 23);
  buffer[offset + 27] = head.code.length;
  let at = offset + FIXED_BYTES;
  at += buffer.write(headers, at, "latin1");
  at += buffer.write(head.code, at, "latin1");
  if (typeof body === "string") buffer.write(body, at, "utf8");
  else if (body !== null) buffer.set(body, at);
}

export function readResponse(payload: Buffer): { head: ResponseHead; bodyStart: number } {
  const headersEnd = FIXED_BYTES + payload.readUInt32LE(23);
  const codeEnd = headersEnd + (payload[27] as number);
  return {
    head: {
      status: payload.readUInt16LE(0),
      contentType: payload[2] as number,
      bodyBytes: payload.readDoubleLE(3),
      timings: readTimings(payload, 11),
      headers:
        headersEnd === FIXED_BYTES ? [] : payload.toString("latin1", FIXED_BYTES, headersEnd).split("\n"),
      code: headersEnd === codeEnd ? "" : payload.toString("latin1", headersEnd, codeEnd),
    },
    bodyStart: codeEnd,
  };
}

export function writeTimings(buffer: Buffer, at: number, timings: Timings): void {
  buffer.writeFloatLE(timings.preprocess, at);
  buffer.writeFloatLE(timings.predict, at + 4);
  buffer.writeFloatLE(timings.postprocess, at + 8);
}

export function readTimings(buffer: Buffer, at: number): Timings {
  return {
    preprocess: buffer.readFloatLE(at),
    predict: buffer.readFloatLE(at + 4),
    postprocess: buffer.readFloatLE(at + 8),
  };
}
