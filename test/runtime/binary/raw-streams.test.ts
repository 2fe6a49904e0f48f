// Large bodies of bytes, both ways: in bounded memory, at the pace of the slower side, and as they were when given.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { request, type IncomingMessage } from "node:http";
import { describe, it, type TestContext } from "node:test";
import { runModel, type RunningModel } from "../../helpers/run-model.ts";
import { until } from "../../helpers/until.ts";

const MIB = 1024 * 1024;
const LARGE_MIB = 256;
/** Two processes with their code and buffers are far below, a body held as a whole is far above. */
const MOST_BYTES = 180 * MIB;

/** The most that either process has held since it is watched. */
async function watchMemory(t: TestContext, model: RunningModel): Promise<() => number> {
  let most = 0;
  const stop = new AbortController();
  const look = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      const text = await (await fetch(`${model.url}/metrics`)).text();
      for (const [, bytes] of text.matchAll(/^purlin_resident_memory_bytes\{[^}]*\} (\d+)$/gm))
        most = Math.max(most, Number(bytes));
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };
  // The model may end before the last look at it has: that one is void.
  const looking = look().catch(() => undefined);
  t.after(async () => {
    stop.abort();
    await looking;
  });
  return () => most;
}

/** Posts `mib` MiB as the server takes them, and gives the answer as it begins. */
function post(model: RunningModel, mib: number): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/octet-stream" };
    const req = request(`${model.url}/predict`, { method: "POST", headers }, resolve);
    req.on("error", reject);
    let sent = 0;
    const more = (): void => {
      while (sent < mib) {
        const piece = Buffer.alloc(MIB, sent);
        sent += 1;
        if (!req.write(piece)) return void req.once("drain", more);
      }
      req.end();
    };
    more();
  });
}

/** Reads an answer to its end, with a rest now and then. */
async function readSlowly(answer: IncomingMessage): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    hash.update(chunk);
    const before = bytes;
    bytes += chunk.byteLength;
    if (Math.floor(before / (16 * MIB)) !== Math.floor(bytes / (16 * MIB)))
      await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return { bytes, sha256: hash.digest("hex") };
}

function expected(mib: number): { bytes: number; sha256: string } {
  const hash = createHash("sha256");
  for (let i = 0; i < mib; i += 1) hash.update(Buffer.alloc(MIB, i));
  return { bytes: mib * MIB, sha256: hash.digest("hex") };
}

const RAW = 'static input = "raw";';
const CONFIG = "runtime: {max_body_bytes: 2Gi}";

describe("large bodies of bytes", () => {
  const ways: Record<string, string> = {
    "a Response around request.body": "predict(input, request) { return new Response(request.body); }",
    "a generator over request.body":
      "async *predict(input, request) { for await (const piece of request.body) yield piece; }",
    "a Response around a generator, upload read first": `async predict(input, request) {
      let n = 0;
      for await (const piece of request.body) n += piece.length;
      let i = 0;
      return new Response(new ReadableStream({ pull(c) { if (i === n / 1048576) c.close(); else c.enqueue(new Uint8Array(1048576).fill(i++)); } }, { highWaterMark: 0 }));
    }`,
  };
  for (const [name, method] of Object.entries(ways)) {
    it(`${LARGE_MIB} MiB in and out in bounded memory: ${name}`, async (t) => {
      const model = await runModel(t, `export class Model { ${RAW} ${method} }`, { config: CONFIG });
      const most = await watchMemory(t, model);
      const answer = await post(model, LARGE_MIB);
      assert.equal(answer.statusCode, 200);
      assert.deepEqual(await readSlowly(answer), expected(LARGE_MIB));
      assert.ok(most() > 0 && most() < MOST_BYTES, `a process held ${Math.round(most() / MIB)} MiB`);
    });
  }

  it("a client that reads nothing stops the model, and the upload behind it", async (t) => {
    const model = await runModel(
      t,
      `let n = 0;
       export class Model { ${RAW}
         async *predict(input, request) {
           for await (const piece of request.body) { n += piece.length; console.log("taken " + n); yield piece; }
         } }`,
      { config: CONFIG },
    );
    const taken = (): number =>
      Math.max(0, ...[...model.logText().matchAll(/taken (\d+)/g)].map(([, bytes]) => Number(bytes)));
    const answer = await post(model, 64);
    let before = -1;
    await until(async () => {
      const now = taken();
      const rests = now > 0 && now === before;
      before = now;
      await new Promise((resolve) => setTimeout(resolve, 300));
      return rests;
    });
    assert.ok(taken() < 32 * MIB, `the model took ${taken()} bytes that nobody reads`);
    assert.deepEqual(await readSlowly(answer), expected(64));
  });

  it("a buffer that is used again reaches the client as it was when it was given", async (t) => {
    const model = await runModel(
      t,
      `const buffer = new Uint8Array(8 * 1048576); let n = 0;
       export class Model { ${RAW}
         async predict(bytes) {
           if (bytes.length === 0) return buffer.fill(++n);
           const chunk = buffer.subarray(0, 200_000);
           return (function* () { for (let i = 0; i < 100; i++) yield chunk.fill(i); })();
         } }`,
    );
    const send = async (body: string): Promise<Buffer> =>
      Buffer.from(await (await fetch(`${model.url}/predict`, { method: "POST", body })).arrayBuffer());
    const answers = await Promise.all(Array.from({ length: 6 }, () => send("")));
    for (const bytes of answers)
      assert.ok(bytes.equals(Buffer.alloc(8 * MIB, bytes[0])), "one answer holds bytes of another");
    const items = await send("x");
    assert.equal(items.byteLength, 100 * 200_000);
    for (let i = 0; i < 100; i += 1)
      assert.ok(items.subarray(i * 200_000, (i + 1) * 200_000).equals(Buffer.alloc(200_000, i)), `item ${i}`);
  });
});
