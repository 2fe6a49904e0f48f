import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { it } from "node:test";
import { FrameReader } from "../../../src/runtime/channel/frame-reader.ts";
import { FrameWriter } from "../../../src/runtime/channel/frame-writer.ts";
import { isBulk, ToFront, ToModel } from "../../../src/runtime/channel/frames.ts";
import { readRequest, writeRequest } from "../../../src/runtime/channel/request-frame.ts";
import { readResponse, writeResponse } from "../../../src/runtime/channel/response-frame.ts";
import { seededRandom } from "../../helpers/random.ts";

const FRAMES = 20_000;

/** A socket that keeps what is written, as the bytes were at that moment. */
function sink(): { socket: Socket; bytes(): Buffer } {
  const written: Buffer[] = [];
  const socket = {
    write: (bytes: Uint8Array) => written.push(Buffer.from(bytes)) > 0,
    cork() {},
    uncork() {},
    writableLength: 0,
  };
  return { socket: socket as unknown as Socket, bytes: () => Buffer.concat(written) };
}

it("frames survive any cutting of the stream, in order and whole", () => {
  const random = seededRandom(7);
  const { socket, bytes } = sink();
  const writer = new FrameWriter(socket);
  const types = [ToModel.REQUEST, ToModel.BODY, ToFront.CHUNK, ToFront.BODY, ToFront.END, ToModel.CANCEL];
  const sent: { type: number; id: number; payload: Buffer }[] = [];
  for (let i = 0; i < FRAMES; i++) {
    const size = random.int(10) === 0 ? random.int(100_000) : random.int(200);
    const frame = {
      type: random.pick(types),
      id: random.int(0xffff_ffff),
      payload: Buffer.alloc(size, i % 251),
    };
    sent.push(frame);
    writer.bytes(frame.type, frame.id, frame.payload);
    if (random.int(20) === 0) writer.flush();
  }
  writer.flush();

  // An empty piece of a body says nothing and is not delivered.
  const withBytes = sent.filter(({ type, payload }) => !(isBulk(type) && payload.length === 0));
  const received: typeof sent = [];
  const reader = new FrameReader((type, id, payload) => {
    const last = received.at(-1);
    const copy = Buffer.from(payload);
    // Pieces of a bulk frame are one frame again as long as the one before is not complete.
    const expected = withBytes[received.length - 1];
    if (last && expected && isBulk(type) && last.payload.length < expected.payload.length) {
      last.payload = Buffer.concat([last.payload, copy]);
    } else received.push({ type, id, payload: copy });
  });
  const stream = bytes();
  for (let at = 0; at < stream.length;) {
    const cut = random.int(4) === 0 ? random.int(12) + 1 : random.int(70_000) + 1;
    // A copy that is destroyed afterwards: the reader must not keep what it was lent.
    const piece = Buffer.from(stream.subarray(at, at + cut));
    reader.push(piece);
    piece.fill(0xee);
    at += cut;
  }
  assert.equal(received.length, withBytes.length);
  received.forEach((frame, i) => {
    const expected = withBytes[i];
    assert.ok(
      expected &&
        frame.type === expected.type &&
        frame.id === expected.id &&
        frame.payload.equals(expected.payload),
      `frame ${i}`,
    );
  });
});

it("requests and answers are read as they were written", () => {
  const random = seededRandom(11);
  const text = (length: number): string =>
    Array.from({ length }, () => String.fromCharCode(33 + random.int(90))).join("");
  for (let i = 0; i < 500; i++) {
    const { socket, bytes } = sink();
    const writer = new FrameWriter(socket);
    const head = {
      method: random.int(7),
      format: random.int(4),
      hasSlot: random.int(2) === 1,
      needsSlot: random.int(2) === 1,
      bodyFollows: random.int(2) === 1,
      bodyBytes: random.int(1000) - 1,
      deadline: random.int(1_000_000) / 7,
      requestId: text(random.int(128)),
      url: `/${text(random.int(300))}`,
      httpMethod: "POST",
      headers: `a\n${text(random.int(2000))}`,
    };
    const body = Buffer.from(text(random.int(90_000)));
    writeRequest(writer, 9, { head, body });
    const answer = {
      status: 200 + random.int(300),
      contentType: random.int(6),
      headers: random.int(2) === 1 ? ["x-a", text(10)] : [],
      bodyBytes: random.int(1000) - 1,
      timings: { preprocess: 0.5, predict: 2, postprocess: 0 },
      code: random.int(2) === 1 ? "MODEL_ERROR" : "",
    };
    writeResponse(
      writer,
      { type: ToFront.RESPONSE, id: 9 },
      { head: answer, body: "é€😀".repeat(random.int(20_000)) },
    );
    writer.flush();
    const frames: Buffer[] = [];
    new FrameReader((_type, _id, payload) => frames.push(Buffer.from(payload))).push(bytes());
    assert.deepEqual(readRequest(frames[0] as Buffer), { ...head, body });
    const { head: readHead, bodyStart } = readResponse(frames[1] as Buffer);
    assert.deepEqual(readHead, answer);
    assert.match((frames[1] as Buffer).toString("utf8", bodyStart), /^(é€😀)*$/);
  }
});
