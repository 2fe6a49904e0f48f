// Issue 12, part 4: bodies in gzip, deflate, br and zstd, all under one bound.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as zlib from "node:zlib";
import { runModel } from "../helpers/run-model.ts";

const ECHO = "export class Model { predict(x) { return x; } }";
const { zstdCompressSync } = zlib as typeof zlib & { zstdCompressSync?: (body: Buffer) => Buffer };

const PACK: Record<string, (body: Buffer) => Buffer> = {
  gzip: (body) => zlib.gzipSync(body),
  deflate: (body) => zlib.deflateSync(body),
  br: (body) => zlib.brotliCompressSync(body),
  ...(zstdCompressSync ? { zstd: zstdCompressSync } : {}),
};

async function start(t: Parameters<typeof runModel>[0]) {
  const { predict } = await runModel(t, ECHO, { config: "runtime: {max_body_bytes: 20000000}" });
  const send = (body: Buffer, encoding: string): Promise<Response> =>
    predict(null, { body: new Uint8Array(body), headers: { "content-encoding": encoding } });
  return { predict, send };
}

describe("packed bodies", () => {
  it("each coding is taken, small and large, in any case, packed twice, and as bare deflate", async (t) => {
    const { send } = await start(t);
    for (const value of [
      { a: 1 },
      { text: "é".repeat(50_000) },
      { many: Array.from({ length: 90_000 }, (_, i) => i * i) },
    ]) {
      const plain = Buffer.from(JSON.stringify(value));
      for (const [name, pack] of Object.entries(PACK)) {
        for (const spelt of [name, name.toUpperCase(), ` ${name} `, `identity, ${name}`])
          assert.deepEqual(await (await send(pack(plain), spelt)).json(), value, spelt);
      }
      assert.deepEqual(await (await send(zlib.gzipSync(plain), "X-Gzip")).json(), value);
      assert.deepEqual(await (await send(zlib.deflateRawSync(plain), "deflate")).json(), value);
      assert.deepEqual(
        await (await send(zlib.brotliCompressSync(zlib.deflateSync(plain)), "deflate, br")).json(),
        value,
      );
      assert.deepEqual(await (await send(plain, "identity")).json(), value);
    }
  });

  it("damaged ones are refused", async (t) => {
    const { send, predict } = await start(t);
    const plain = Buffer.from(
      JSON.stringify({ text: Array.from({ length: 500 }, (_, i) => i * 7919).join() }),
    );
    for (const [name, pack] of Object.entries(PACK)) {
      const packed = pack(plain);
      assert.equal((await send(packed.subarray(0, packed.length >> 1), name)).status, 400, `half of ${name}`);
      assert.equal((await send(Buffer.from("\u0001\u0002 not packed at all"), name)).status, 400, name);
      assert.equal((await send(plain, `${name}, ${name}`)).status, 400, `twice ${name}`);
    }
    assert.equal((await predict(1)).status, 200);
  });

  it("bombs are refused, also those inside of another layer", async (t) => {
    const { send, predict } = await start(t);
    const bomb = Buffer.alloc(60_000_000, 32);
    for (const [name, pack] of Object.entries(PACK)) {
      assert.equal((await send(pack(bomb), name)).status, 413, name);
      // What comes out in the end is small; what is in between is not.
      const nested = PACK["gzip"]!(pack(bomb));
      assert.equal((await send(nested, `${name}, gzip`)).status, 413, `${name} in gzip`);
    }
    assert.equal((await predict(1)).status, 200);
  });

  it("unknown codings, and too many of them, are told which ones there are", async (t) => {
    const { send } = await start(t);
    for (const encoding of ["compress", "gzip, snappy", "__proto__", "gzip, gzip, gzip, gzip"]) {
      const answer = await send(Buffer.from("1"), encoding);
      assert.equal(answer.status, 415, encoding);
      assert.match(answer.headers.get("accept-encoding") ?? "", /br, gzip, deflate/);
    }
  });
});
