// Issue 12, part 4: answers in gzip, br and zstd, where config.yaml and the client want them so.
import assert from "node:assert/strict";
import { request, type IncomingMessage } from "node:http";
import { describe, it } from "node:test";
import * as zlib from "node:zlib";
import { runModel } from "../helpers/run-model.ts";
import { until } from "../helpers/until.ts";

const MODEL = `
const wait = () => new Promise((resolve) => setTimeout(resolve, 1));
export class Model {
  gates = [];
  predict(input, request) {
    const { kind, size } = input;
    if (kind === "json") return { text: "grüezi ".repeat(size / 8) };
    if (kind === "bytes") return Buffer.alloc(size, "x");
    if (kind === "response") return new Response("grüezi ".repeat(size / 8), { headers: input.headers, status: input.status ?? 200 });
    if (kind === "stream") return (async function* (model) {
      for (let i = 0; i < 5; i++) { yield "item " + i + "\\n"; await new Promise((go) => model.gates.push(go)); }
    })(this);
    if (kind === "break") return (async function* () { yield "one\\n"; await wait(); throw new Error("late"); })();
    if (kind === "endless") return (async function* () {
      try { for (let i = 0; ; i++) { yield String(i).repeat(1000); console.log("made", { i }); if (i % 50 === 0) await wait(); } } finally { console.log("ended"); }
    })();
    if (kind === "go") { this.gates.shift()(); return 1; }
  }
}`;
const ON = "runtime: {compression: true, predict_concurrency: 8}";

interface Answer {
  res: IncomingMessage;
  body: Buffer;
}

/** As it is on the wire: `fetch` would unpack it. */
function ask(url: string, input: unknown, headers: Record<string, string> = {}): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request(`${url}/predict`, { method: "POST", headers }, resolve)
      .on("error", reject)
      .end(JSON.stringify(input));
  });
}

async function whole(url: string, input: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  const res = await ask(url, input, headers);
  const chunks: Buffer[] = [];
  for await (const chunk of res) chunks.push(chunk as Buffer);
  return { res, body: Buffer.concat(chunks) };
}

const { zstdDecompressSync } = zlib as typeof zlib & { zstdDecompressSync?: (body: Buffer) => Buffer };
const UNPACK: Record<string, (body: Buffer) => Buffer> = {
  gzip: (body) => zlib.gunzipSync(body),
  deflate: (body) => zlib.inflateSync(body),
  br: (body) => zlib.brotliDecompressSync(body),
  ...(zstdDecompressSync ? { zstd: zstdDecompressSync } : {}),
};

describe("packed answers", () => {
  it("come in each coding, small and large, and say what they vary with", async (t) => {
    const { url } = await runModel(t, MODEL, { config: ON });
    for (const size of [4096, 60_000, 3_000_000]) {
      for (const kind of ["json", "response"]) {
        const input = { kind, size };
        const plain = await whole(url, input);
        assert.equal(plain.res.headers["content-encoding"], undefined);
        assert.equal(plain.res.headers.vary, "Accept-Encoding");
        for (const [coding, unpack] of Object.entries(UNPACK)) {
          const { res, body } = await whole(url, input, { "accept-encoding": coding });
          assert.deepEqual([res.headers["content-encoding"], res.headers.vary], [coding, "Accept-Encoding"]);
          assert.ok(body.byteLength < plain.body.byteLength / 10);
          assert.ok(unpack(body).equals(plain.body), `${coding} ${kind} ${size}`);
          if (res.headers["content-length"] !== undefined)
            assert.equal(Number(res.headers["content-length"]), body.byteLength);
        }
      }
    }
  });

  it("are what the client likes best", async (t) => {
    const { url } = await runModel(t, MODEL, { config: ON });
    const best = zstdDecompressSync ? "zstd" : "br";
    const cases: [string, string | undefined][] = [
      ["", undefined],
      ["identity", undefined],
      ["gzip;q=0", undefined],
      ["*;q=0", undefined],
      ["compress", undefined],
      ["gzip;q=0.2, br;q=0.1", "gzip"],
      ["GZIP ; Q=0.5, deflate;q=0.7", "deflate"],
      ["x-gzip", "gzip"],
      ["gzip, deflate, br, zstd", best],
      ["*", best],
      [`*;q=0.5, ${best};q=0`, best === "zstd" ? "br" : "gzip"],
      ["gzip;q=0.5, identity", undefined],
      ["gzip;q=nonsense, br", "br"],
      ["gzip;q=7", undefined],
    ];
    for (const [accept, coding] of cases) {
      const { res } = await whole(url, { kind: "json", size: 4096 }, { "accept-encoding": accept });
      assert.equal(res.headers["content-encoding"], coding, accept);
    }
  });

  it("stay as they are where packing is of no use, forbidden, or not allowed by config.yaml", async (t) => {
    const [on, off] = await Promise.all([runModel(t, MODEL, { config: ON }), runModel(t, MODEL)]);
    const gzip = { "accept-encoding": "gzip" };
    const response = (headers: Record<string, string>, status = 200): unknown => ({
      kind: "response",
      size: 4096,
      headers: { "content-type": "text/plain", ...headers },
      status,
    });
    const untouched = [
      { kind: "json", size: 200 },
      { kind: "bytes", size: 4096 },
      response({ "content-type": "image/png" }),
      response({ "content-type": "application/zip" }),
      response({ "content-encoding": "br" }),
      response({ "content-range": "bytes 0-1/2" }),
      response({}, 206),
      response({ "cache-control": "public, no-transform" }),
    ];
    for (const input of untouched) {
      const plain = await whole(on.url, input);
      const asked = await whole(on.url, input, gzip);
      assert.deepEqual(asked.body, plain.body, JSON.stringify(input));
      assert.equal(asked.res.headers["content-encoding"], plain.res.headers["content-encoding"]);
    }
    const { res } = await whole(off.url, { kind: "json", size: 4096 }, gzip);
    assert.deepEqual([res.headers["content-encoding"], res.headers.vary], [undefined, undefined]);
    const tagged = await whole(
      on.url,
      response({ etag: '"a"', vary: "Origin", "accept-ranges": "bytes" }),
      gzip,
    );
    const { etag, vary, "accept-ranges": ranges } = tagged.res.headers;
    assert.deepEqual([etag, vary, ranges], ['W/"a"', "Origin, Accept-Encoding", undefined]);
  });

  it("come item by item: each can be read before the next one is made", async (t) => {
    const { url, predict } = await runModel(t, MODEL, { config: ON });
    for (const accept of Object.keys(UNPACK)) {
      for (const type of ["text/plain", "text/event-stream"]) {
        const res = await ask(url, { kind: "stream" }, { "accept-encoding": accept, accept: type });
        assert.equal(res.headers["content-encoding"], accept);
        const all = zlib as unknown as Record<string, () => NodeJS.ReadWriteStream>;
        const names: Record<string, string> = {
          gzip: "createGunzip",
          deflate: "createInflate",
          br: "createBrotliDecompress",
          zstd: "createZstdDecompress",
        };
        const plain = res.pipe(all[names[accept]!]!());
        let text = "";
        plain.on("data", (piece: Buffer) => (text += String(piece)));
        for (let i = 0; i < 5; i += 1) {
          await until(() => text.includes(`item ${i}`), { what: () => `${accept} ${type}: ${text}` });
          assert.ok(!text.includes(`item ${i + 1}`));
          assert.equal((await predict({ kind: "go" })).status, 200);
        }
        await until(() => res.complete);
      }
    }
  });

  it("that break off look broken, as events or as a cut", async (t) => {
    const { url } = await runModel(t, MODEL, { config: ON });
    const events = await whole(
      url,
      { kind: "break" },
      { "accept-encoding": "gzip", accept: "text/event-stream" },
    );
    assert.match(String(zlib.gunzipSync(events.body)), /one\n[^]*event: error\ndata: .*MODEL_ERROR/);
    const res = await ask(url, { kind: "break" }, { "accept-encoding": "gzip" });
    let text = "";
    res
      .pipe(zlib.createGunzip())
      .on("data", (piece: Buffer) => (text += String(piece)))
      .on("error", () => undefined);
    await new Promise((resolve) => res.on("error", resolve).on("close", resolve));
    // What has come is unpacked by another thread.
    await until(() => text === "one\n");
    assert.deepEqual([text, res.complete], ["one\n", false]);
  });

  it("go at the client's pace, and end with it", async (t) => {
    const { url, logs } = await runModel(t, MODEL, { config: ON });
    const res = await ask(url, { kind: "endless" }, { "accept-encoding": "gzip" });
    const made = (): number => logs().filter(({ message }) => message === "made").length;
    // Nobody reads: what is made comes to rest.
    let before = -1;
    await until(
      () => {
        const now = made();
        const rests = now > 0 && now === before;
        before = now;
        return rests;
      },
      { interval: 500, timeout: 30_000 },
    );
    res.destroy();
    await until(() => logs().some(({ message }) => message === "ended"));
  });
});
