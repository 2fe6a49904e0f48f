// The codec against another implementation of msgpack, and against noise. Seeded: a failure names its case.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { decode, encode, ExtData, ExtensionCodec } from "@msgpack/msgpack";
import { readMsgpack } from "../../../src/runtime/model/formats/msgpack/read-msgpack.ts";
import { writeMsgpack } from "../../../src/runtime/model/formats/msgpack/write-msgpack.ts";
import { msgpackFormat } from "../../../src/runtime/model/formats/msgpack/msgpack-format.ts";
import { isInputError } from "../../../src/runtime/model/formats/wire-format.ts";
import { seededRandom, type Random } from "../../helpers/random.ts";

const CASES = 4000;
const read = (bytes: Uint8Array): unknown => readMsgpack(Buffer.from(bytes), { onMap: (map) => map });

const extensionCodec = new ExtensionCodec();
extensionCodec.register({
  type: 9,
  encode: (value) =>
    value instanceof Float64Array
      ? new Uint8Array(value.buffer.slice(value.byteOffset, value.byteOffset + value.byteLength))
      : null,
  decode: (data) => new Float64Array(Uint8Array.from(data).buffer),
});

function anyValue(random: Random, depth: number): unknown {
  switch (random.int(depth > 0 ? 11 : 8)) {
    case 0:
      return null;
    case 1:
      return random.int(2) === 1;
    case 2:
      // Plus 0: the other implementation loses -0.
      return (random.int(2) === 1 ? -1 : 1) * random.int(2 ** (1 + random.int(31))) + 0;
    case 3:
      return (random.int(2 ** 31) * 2 ** random.int(60)) / 7;
    case 4:
      return "é".repeat(random.int(3)) + "x".repeat(random.int(random.int(20) === 0 ? 70_000 : 40));
    case 5:
      return new Uint8Array(random.int(300)).fill(random.int(256));
    case 6:
      return Float64Array.from({ length: random.int(20) }, () => random.int(1000) / 8);
    case 7:
      return new Date((random.int(2 ** 31) - 2 ** 30) * 1000 + random.int(1000));
    case 8:
    case 9:
      return Array.from({ length: random.int(20) }, () => anyValue(random, depth - 1));
    default:
      return Object.fromEntries(
        Array.from({ length: random.int(20) }, (_, i) => [
          `${i}${"k".repeat(random.int(40))}`,
          anyValue(random, depth - 1),
        ]),
      );
  }
}

/** Buffers and views of other buffers compare as what they hold. */
const plain = (value: unknown): unknown => {
  if (value instanceof Uint8Array) return [...value];
  if (ArrayBuffer.isView(value) || value instanceof Date || typeof value !== "object" || value === null)
    return value;
  if (Array.isArray(value)) return value.map(plain);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
};

describe("the msgpack codec", () => {
  it("reads what another implementation writes, and writes what it reads", () => {
    for (let seed = 1; seed <= CASES; seed += 1) {
      const value = anyValue(seededRandom(seed), 4);
      assert.deepEqual(plain(read(encode(value, { extensionCodec }))), plain(value), `read, seed ${seed}`);
      const written = writeMsgpack(value, "extensions");
      assert.deepEqual(plain(decode(written, { extensionCodec })), plain(value), `write, seed ${seed}`);
      assert.deepEqual(plain(read(written)), plain(value), `both, seed ${seed}`);
    }
  });

  it("noise is a value or an InputError, never anything else, and never slow", () => {
    const request = { url: "/predict", header: () => "application/x-msgpack" };
    const began = performance.now();
    for (let seed = 1; seed <= CASES; seed += 1) {
      const random = seededRandom(seed);
      const body = Buffer.from(encode(anyValue(random, 3), { extensionCodec }));
      // Half of them good bytes with some turned, half of them all noise.
      const turned = random.int(2) === 1 ? 1 + random.int(5) : body.byteLength;
      for (let i = 0; i < turned; i += 1) body[random.int(body.byteLength)] = random.int(256);
      try {
        void msgpackFormat.decode({ ...request, body });
      } catch (error) {
        assert.ok(isInputError(error), `seed ${seed}: ${String(error)}`);
      }
    }
    assert.ok(performance.now() - began < 60_000);
  });

  it("a body that announces more than it holds costs no memory, at any depth", () => {
    // 500 arrays, each the only element of the one around it, each of as many elements as there are bytes.
    const levels = 500;
    const body = Buffer.alloc(1_000_000, 0xc0);
    for (let i = 0; i < levels; i += 1) {
      body[i * 5] = 0xdd;
      body.writeUInt32BE(body.byteLength - (i + 1) * 5, i * 5 + 1);
    }
    const before = process.memoryUsage().rss;
    assert.throws(() => read(body), /in the middle of a value/);
    const grown = process.memoryUsage().rss - before;
    assert.ok(grown < 200 * 1024 * 1024, `it took ${grown} bytes`);
  });

  it("what is nested as deep as a reader goes is read, and one level more is not", () => {
    const nested = (levels: number): Buffer => Buffer.concat([Buffer.alloc(levels, 0x91), Buffer.of(1)]);
    read(nested(512));
    assert.throws(() => read(nested(513)), /nested deeper than 512 levels/);
    let deep: unknown = 1;
    for (let i = 0; i < 900; i += 1) deep = [deep];
    assert.equal(writeMsgpack(deep, "extensions").byteLength, 901);
    for (let i = 0; i < 200; i += 1) deep = [deep];
    assert.throws(() => writeMsgpack(deep, "extensions"), /is deeper than 1000 levels/);
  });

  it("an unknown extension is told by its type", () => {
    assert.throws(() => read(encode(new ExtData(42, new Uint8Array(3)))), /an extension of type 42/);
  });
});
