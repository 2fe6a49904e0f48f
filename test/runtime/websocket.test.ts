import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, it } from "node:test";
import type { TestContext } from "node:test";
import { WebSocket } from "ws";
import { type RunningModel, runModel } from "../helpers/run-model.ts";
import { until } from "../helpers/until.ts";

const MODEL = `
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
export class Model {
  async websocket(socket) {
    for await (const message of socket) {
      if (message === "done") return;
      if (message === "raise") throw new Error("hidden reason");
      if (message === "close") return socket.close(4001, "bye");
      if (message === "slow") { await wait(60000); continue; }
      if (message === "flood") { for (let i = 0; i < 2000; i++) await socket.send("x".repeat(65536)); continue; }
      await socket.send(typeof message === "string" ? message + " pong" : message);
    }
  }
}`;

function open(t: TestContext, model: RunningModel): WebSocket {
  const client = new WebSocket(`${model.url.replace("http", "ws")}/v1/websocket`, { maxPayload: 0 });
  t.after(() => client.terminate());
  return client;
}

async function closed(client: WebSocket): Promise<[number, string]> {
  const [code, reason] = (await once(client, "close")) as [number, Buffer];
  return [code, reason.toString()];
}

async function say(client: WebSocket, message: string | Buffer): Promise<string | Buffer> {
  client.send(message);
  const [data, isBinary] = (await once(client, "message")) as [Buffer, boolean];
  return isBinary ? data : data.toString();
}

describe("WebSocket", () => {
  it("text and bytes go both ways; the method's end closes with 1000, a throw with 1011", async (t) => {
    const model = await runModel(t, MODEL);
    const client = open(t, model);
    await once(client, "open");
    assert.equal(await say(client, "hello"), "hello pong");
    assert.deepEqual(await say(client, Buffer.from([0, 255, 7])), Buffer.from([0, 255, 7]));
    const big = Buffer.alloc(3_000_000, 5);
    assert.deepEqual(await say(client, big), big);
    client.send("done");
    assert.deepEqual(await closed(client), [1000, ""]);

    const failing = open(t, model);
    await once(failing, "open");
    failing.send("raise");
    const [code, reason] = await closed(failing);
    assert.equal(code, 1011);
    assert.ok(!reason.includes("hidden reason"));
    await until(() => model.logText().includes("hidden reason"));

    const own = open(t, model);
    await once(own, "open");
    own.send("close");
    assert.deepEqual(await closed(own), [4001, "bye"]);
  });

  it("a model without websocket closes with 1003; before ready an upgrade is a 503", async (t) => {
    const plain = await runModel(t, "export class Model { predict(x) { return x; } }");
    assert.equal((await closed(open(t, plain)))[0], 1003);
    const slow = await runModel(
      t,
      "export class Model { load() { return new Promise(() => setTimeout(() => {}, 60000)); } websocket() {} }",
      { ready: false },
    );
    const refused = open(t, slow);
    const [error] = (await once(refused, "error")) as [Error];
    assert.match(error.message, /503/);
    const socketOnly = await runModel(t, MODEL);
    const response = await socketOnly.predict(1);
    assert.deepEqual(
      [response.status, ((await response.json()) as { code: string }).code],
      [404, "METHOD_NOT_IMPLEMENTED"],
    );
  });

  it("a message over 100 MiB closes with 1009", async (t) => {
    const model = await runModel(t, MODEL);
    const client = open(t, model);
    await once(client, "open");
    client.on("error", () => undefined);
    client.send(Buffer.alloc(101 * 1024 * 1024));
    assert.equal((await closed(client))[0], 1009);
  });

  it("a client that does not read slows the model's sends; one that leaves ends the method", async (t) => {
    const model = await runModel(t, MODEL);
    const client = open(t, model);
    await once(client, "open");
    client.pause();
    client.send("flood");
    // 128 MiB are to be sent; what is not read must not pile up in the front.
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const text = await (await fetch(`${model.url}/metrics`)).text();
    const rss = Number(/purlin_resident_memory_bytes\{process="front"\} (\d+)/.exec(text)?.[1]);
    assert.ok(rss < 150 * 1024 * 1024, `the front holds ${rss} bytes`);
    client.terminate();
    await until(async () =>
      /purlin_requests_in_flight 0\n/.test(await (await fetch(`${model.url}/metrics`)).text()),
    );
  });

  it("the model process's death closes its connections with 1011", async (t) => {
    const model = await runModel(
      t,
      "export class Model { async websocket(s) { for await (const m of s) process.exit(3); } }",
    );
    const client = open(t, model);
    await once(client, "open");
    client.send("x");
    assert.equal((await closed(client))[0], 1011);
  });

  it("a client that answers no ping within the timeout is closed with 1011; one that does stays", async (t) => {
    const transport = "{kind: websocket, ping_interval_seconds: 0.1, ping_timeout_seconds: 0.3}";
    const model = await runModel(t, MODEL, { config: `runtime:\n  transport: ${transport}\n` });
    const url = `${model.url.replace("http", "ws")}/v1/websocket`;
    const good = open(t, model);
    let pings = 0;
    good.on("ping", () => (pings += 1));
    await once(good, "open");
    const silent = new WebSocket(url, { autoPong: false });
    t.after(() => silent.terminate());
    await once(silent, "open");
    const began = performance.now();
    const [code, reason] = await closed(silent);
    assert.equal(code, 1011);
    assert.match(reason, /ping/);
    const took = performance.now() - began;
    assert.ok(took > 250, `closed after ${took} ms, before the timeout was over`);
    await until(() => pings >= 8);
    assert.equal(await say(good, "still here"), "still here pong");
  });

  it("a model that is behind is no reason to give up its client: what is not read holds no answers", async (t) => {
    const transport = "{kind: websocket, ping_interval_seconds: 0.05, ping_timeout_seconds: 0.1}";
    const source = MODEL.replace("wait(60000)", "wait(1000)");
    const model = await runModel(t, source, { config: `runtime:\n  transport: ${transport}\n` });
    const client = open(t, model);
    await once(client, "open");
    client.send("slow");
    for (let i = 0; i < 10; i++) client.send(Buffer.alloc(100_000));
    client.send("hello");
    let last = "";
    client.on("message", (data: Buffer, isBinary) => (last = isBinary ? last : data.toString()));
    await until(() => last === "hello pong");
    assert.equal(client.readyState, WebSocket.OPEN);
  });
});
