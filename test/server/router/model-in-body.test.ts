// The router finds the model's name in JSON and in forms, packed or not, small or large, and passes all of it on.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import { startReplica, startRouter } from "./start-router.ts";

const MODEL = `export class Model {
  predict() {}
  chatCompletions(input) { return { size: input.pad.length }; }
  async transcriptions(input) { return { text: String(input.file.size) }; }
}`;

async function start(t: Parameters<typeof startRouter>[0]) {
  const { url, traffic } = await startRouter(t);
  const replica = await startReplica(t, MODEL);
  traffic.add({ id: "a", address: replica.address });
  return url;
}

describe("the model in the body", () => {
  it("is found in packed JSON", async (t) => {
    const url = await start(t);
    for (const size of [10, 400_000]) {
      const pad = Array.from({ length: size }, (_, i) => String.fromCharCode(97 + ((i * i) % 26))).join("");
      const plain = Buffer.from(JSON.stringify({ model: "m", pad }));
      const packed: [string, Buffer][] = [
        ["gzip", gzipSync(plain)],
        ["GZIP", gzipSync(plain)],
        ["deflate", deflateSync(plain)],
        ["deflate", deflateRawSync(plain)],
        ["br", brotliCompressSync(plain)],
        ["gzip, br", brotliCompressSync(gzipSync(plain))],
      ];
      for (const [encoding, body] of packed) {
        const headers = { "content-encoding": encoding };
        const sent = await fetch(`${url}/v1/chat/completions`, {
          method: "POST",
          headers,
          body: new Uint8Array(body),
        });
        assert.deepEqual([sent.status, await sent.json()], [200, { size }], `${encoding} ${size}`);
      }
    }
  });

  it("is found in forms, before and behind a large file", async (t) => {
    const url = await start(t);
    for (const size of [100, 20_000_000]) {
      for (const isFirst of [true, false]) {
        const form = new FormData();
        if (isFirst) form.append("model", "m");
        form.append("file", new Blob([new Uint8Array(size)]), "a.wav");
        if (!isFirst) form.append("model", "m");
        const answer = await fetch(`${url}/v1/audio/transcriptions`, { method: "POST", body: form });
        assert.deepEqual([answer.status, await answer.json()], [200, { text: String(size) }]);
      }
    }
  });

  it("is not looked for in what is damaged, a bomb, or packed in an unknown way", async (t) => {
    const url = await start(t);
    const send = (body: Buffer, encoding: string): Promise<Response> =>
      fetch(`${url}/v1/chat/completions`, {
        method: "POST",
        headers: { "content-encoding": encoding },
        body: new Uint8Array(body),
      });
    const bomb = Buffer.alloc(80_000_000, 32);
    for (const [encoding, pack] of [
      ["gzip", gzipSync],
      ["deflate", deflateSync],
      ["br", brotliCompressSync],
    ] as const) {
      assert.equal((await send(pack(bomb), encoding)).status, 413, encoding);
      assert.equal((await send(Buffer.from("no"), encoding)).status, 400, encoding);
    }
    const unknown = await send(Buffer.from("{}"), "compress");
    assert.equal(unknown.status, 415);
    assert.match(unknown.headers.get("accept-encoding") ?? "", /br, gzip, deflate/);
  });
});
