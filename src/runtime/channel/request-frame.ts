import type { FrameWriter } from "./frame-writer.ts";
import { ToModel } from "./frames.ts";

/** A request as the model process sees it. */
export interface RequestHead {
  /** Index into METHODS. */
  method: number;
  /** One of BodyFormat. */
  format: number;
  /** A slot comes with it; otherwise it asks for one with SLOT_WANTED when it needs it. */
  hasSlot: boolean;
  /** It runs in a slot; without `hasSlot` it asks for one when it is prepared. */
  needsSlot: boolean;
  /** The body follows in BODY frames, with BODY_END after it. */
  bodyFollows: boolean;
  /** Bytes of the body where they are known beforehand, otherwise -1. */
  bodyBytes: number;
  /** On the machine's monotonic clock (`monotonicMs`); 0 for none. */
  deadline: number;
  requestId: string;
  /** Path and query as they came. */
  url: string;
  httpMethod: string;
  /** Names and values in turn, joined by line feeds (which no header can hold). */
  headers: string;
}

const FIXED_BYTES = 1 + 1 + 8 + 8 + 2 + 2 + 4 + 1;

/** Writes a REQUEST frame with as much of the body as is inline. */
export function writeRequest(
  writer: FrameWriter,
  id: number,
  request: { head: RequestHead; body: Buffer | null },
): void {
  const { head, body } = request;
  const { requestId, url, headers, httpMethod } = head;
  const inline = body === null ? 0 : body.byteLength;
  // Header values and targets are latin1 in HTTP/1, so a character is a byte.
  const bytes = FIXED_BYTES + requestId.length + url.length + headers.length + httpMethod.length + inline;
  const { buffer, offset } = writer.frame(ToModel.REQUEST, id, bytes);
  buffer[offset] = head.method;
  buffer[offset + 1] =
    (head.hasSlot ? 1 : 0) | (head.bodyFollows ? 2 : 0) | (head.needsSlot ? 4 : 0) | (head.format << 3);
  buffer.writeDoubleLE(head.deadline, offset + 2);
  buffer.writeDoubleLE(head.bodyBytes, offset + 10);
  buffer.writeUInt16LE(requestId.length, offset + 18);
  buffer.writeUInt16LE(url.length, offset + 20);
  buffer.writeUInt32LE(headers.length, offset + 22);
  buffer[offset + 26] = httpMethod.length;
  let at = offset + FIXED_BYTES;
  at += buffer.write(requestId, at, "latin1");
  at += buffer.write(url, at, "latin1");
  at += buffer.write(headers, at, "latin1");
  at += buffer.write(httpMethod, at, "latin1");
  if (body !== null) body.copy(buffer, at);
}

export interface ReceivedRequest extends RequestHead {
  /** What of the body came with the frame: a copy. */
  body: Buffer;
}

export function readRequest(payload: Buffer): ReceivedRequest {
  const flags = payload[1] as number;
  const requestIdEnd = FIXED_BYTES + payload.readUInt16LE(18);
  const urlEnd = requestIdEnd + payload.readUInt16LE(20);
  const headersEnd = urlEnd + payload.readUInt32LE(22);
  const methodEnd = headersEnd + (payload[26] as number);
  return {
    method: payload[0] as number,
    format: flags >> 3,
    hasSlot: (flags & 1) !== 0,
    bodyFollows: (flags & 2) !== 0,
    needsSlot: (flags & 4) !== 0,
    deadline: payload.readDoubleLE(2),
    bodyBytes: payload.readDoubleLE(10),
    requestId: payload.toString("latin1", FIXED_BYTES, requestIdEnd),
    url: payload.toString("latin1", requestIdEnd, urlEnd),
    headers: payload.toString("latin1", urlEnd, headersEnd),
    httpMethod: payload.toString("latin1", headersEnd, methodEnd),
    body: Buffer.from(payload.subarray(methodEnd)),
  };
}
