import assert from "node:assert/strict";
import { request } from "node:http";
import { it } from "node:test";
import { type RunningModel, runModel } from "../helpers/run-model.ts";
import { until } from "../helpers/until.ts";

const MIB = 1024 * 1024;

/** Sends `mib` MiB without a declared length. */
function upload(model: RunningModel, mib: number): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const req = request(`${model.url}/predict`, { method: "POST" }, (res) => {
      let body = "";
      res.on("data", (chunk: Buffer) => (body += chunk.toString()));
      res.on("end", () => resolve({ status: res.statusCode ?? 0, body }));
    });
    req.on("error", reject);
    const piece = Buffer.alloc(MIB, 1);
    let sent = 0;
    const more = (): void => {
      while (sent < mib) {
        sent += 1;
        if (!req.write(piece)) return void req.once("drain", more);
      }
      req.end();
    };
    more();
  });
}

async function memory(model: RunningModel): Promise<number> {
  const text = await (await fetch(`${model.url}/metrics`)).text();
  const sizes = [...text.matchAll(/^purlin_resident_memory_bytes\{process="front"\} (\d+)$/gm)];
  return sizes.reduce((sum, [, bytes]) => sum + Number(bytes), 0);
}

it("raw input is the bytes, unparsed", async (t) => {
  const model = await runModel(
    t,
    'export class Model { static input = "raw"; predict(bytes) { return { isBytes: bytes instanceof Uint8Array, sum: bytes.reduce((a, b) => a + b, 0), n: bytes.length }; } }',
  );
  const send = async (body: Uint8Array): Promise<unknown> =>
    (
      await model.predict(null, {
        body,
        headers: { "content-type": "application/octet-stream" },
      } as RequestInit)
    ).json();
  assert.deepEqual(await send(new Uint8Array([1, 2, 3])), { isBytes: true, sum: 6, n: 3 });
  assert.deepEqual(await send(new Uint8Array(0)), { isBytes: true, sum: 0, n: 0 });
  assert.deepEqual(await send(new Uint8Array(2 * MIB).fill(1)), { isBytes: true, sum: 2 * MIB, n: 2 * MIB });
});

it("a large upload streams through request.body without filling memory", async (t) => {
  const model = await runModel(
    t,
    `export class Model {
      static input = "raw";
      async predict(input, request) {
        let n = 0, most = 0;
        for await (const piece of request.body) {
          n += piece.length;
          most = Math.max(most, process.memoryUsage.rss());
          if (n % (16 * 1048576) < piece.length) await new Promise((resolve) => setTimeout(resolve, 2));
        }
        return { n, most };
      }
    }`,
    { config: "runtime: {max_body_bytes: 1Gi}" },
  );
  const { status, body } = await upload(model, 300);
  assert.equal(status, 200, body);
  const { n, most } = JSON.parse(body) as { n: number; most: number };
  assert.equal(n, 300 * MIB);
  assert.ok(most < 200 * MIB, `the model held ${most} bytes`);
  assert.ok((await memory(model)) < 200 * MIB, `the front holds ${await memory(model)} bytes`);
});

it("a streamed upload's input explains itself when it is looked at", async (t) => {
  const model = await runModel(
    t,
    'export class Model { static input = "raw"; predict(input, request) { return input.length; } }',
  );
  const { status } = await upload(model, 2);
  assert.equal(status, 500);
  await until(() => model.logText().includes("This upload is streamed"));
  assert.equal((await model.predict(null, { body: "abc" })).status, 200);
});
