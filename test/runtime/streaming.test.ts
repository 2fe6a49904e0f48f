import assert from "node:assert/strict";
import { type IncomingMessage, request } from "node:http";
import { describe, it } from "node:test";
import { type RunningModel, runModel } from "../helpers/run-model.ts";
import { until } from "../helpers/until.ts";

const MODEL = `
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
let pulled = 0, returned = 0;
const runs = {
  async *strings() { for (let i = 0; i < 5; i++) { yield String(i); await wait(20); } },
  *sync() { yield "a"; yield "b"; },
  *objects() { yield { n: 1 }; yield { n: 2 }; },
  *events() { yield "data: 1\\n\\n"; yield { n: 2 }; },
  *emoji() { const b = Buffer.from("a😀b"); yield b.subarray(0, 3); yield b.subarray(3); },
  *none() {},
  *lateThrow() { yield "0"; yield "1"; throw new Error("hidden reason"); },
  *earlyThrow() { throw new Error("hidden reason"); },
  async *endless() { try { for (;;) { pulled++; yield "x".repeat(65536); } } finally { returned++; } },
  async *stalls() { yield "first"; await wait(60000); },
  readable() { return new ReadableStream({ start(c) { c.enqueue("r1"); c.enqueue("r2"); c.close(); } }); },
  response() { return new Response("data: 0\\n\\n", { headers: { "content-type": "text/event-stream; charset=utf-8" } }); },
  counts() { return { pulled, returned }; },
};
export class Model { predict(run) { return runs[run](); } }`;

interface Answer {
  status: number;
  type: string;
  chunks: string[];
  aborted: boolean;
}

/** Every chunk as it left the server, and whether the answer was cut off. */
function stream(model: RunningModel, run: string, headers: Record<string, string> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const req = request(`${model.url}/predict`, { method: "POST", headers }, (res) => {
      const answer: Answer = {
        status: res.statusCode ?? 0,
        type: String(res.headers["content-type"]),
        chunks: [],
        aborted: false,
      };
      res.on("data", (chunk: Buffer) => answer.chunks.push(chunk.toString("utf8")));
      res.on("error", () => (answer.aborted = true));
      res.on("close", () => resolve(answer));
    });
    req.on("error", reject);
    req.end(JSON.stringify(run));
  });
}

const counts = async (model: RunningModel): Promise<{ pulled: number; returned: number }> =>
  (await (await model.predict("counts")).json()) as { pulled: number; returned: number };

describe("streaming", () => {
  it("each item is a chunk, in order, with the type of the first", async (t) => {
    const model = await runModel(t, MODEL);
    const strings = await stream(model, "strings");
    assert.deepEqual(strings.chunks, ["0", "1", "2", "3", "4"]);
    assert.equal(strings.type, "text/plain; charset=utf-8");
    assert.equal((await stream(model, "sync")).chunks.join(""), "ab");
    const objects = await stream(model, "objects");
    assert.deepEqual([objects.type, objects.chunks.join("")], ["application/x-ndjson", '{"n":1}\n{"n":2}\n']);
    const emoji = await stream(model, "emoji");
    assert.equal(emoji.type, "application/octet-stream");
    assert.deepEqual((await stream(model, "none")).chunks, []);
    assert.equal((await stream(model, "readable")).chunks.join(""), "r1r2");
    const response = await stream(model, "response");
    assert.deepEqual([response.type, response.chunks], ["text/event-stream; charset=utf-8", ["data: 0\n\n"]]);
  });

  it("Accept decides: gathered JSON, server-sent events, or chunks for OpenAI clients", async (t) => {
    const model = await runModel(t, MODEL);
    const json = { accept: "application/json" };
    const gathered = await stream(model, "strings", json);
    assert.deepEqual([gathered.type, gathered.chunks.join("")], ["application/json", '"01234"']);
    assert.equal((await stream(model, "objects", json)).chunks.join(""), '[{"n":1},{"n":2}]');
    assert.equal((await stream(model, "emoji", json)).chunks.join(""), '"a😀b"');
    const openai = await stream(model, "strings", { ...json, "user-agent": "OpenAI/Python 1.61.0" });
    assert.equal(openai.chunks.length, 5);
    assert.equal((await stream(model, "strings", { accept: "application/json, */*" })).chunks.length, 5);
    const events = await stream(model, "events", { accept: "text/event-stream" });
    assert.deepEqual(
      [events.type, events.chunks.join("")],
      ["text/event-stream", 'data: 1\n\ndata: {"n":2}\n\n'],
    );
  });

  it("a throw before the first item is an error answer, a later one breaks the stream visibly", async (t) => {
    const model = await runModel(t, MODEL);
    for (const accept of ["*/*", "text/event-stream", "application/json"]) {
      const early = await stream(model, "earlyThrow", { accept });
      assert.deepEqual([early.status, early.aborted], [500, false]);
      assert.match(early.chunks.join(""), /"code":"MODEL_ERROR"/);
    }
    const late = await stream(model, "lateThrow");
    assert.deepEqual([late.status, late.chunks.join(""), late.aborted], [200, "01", true]);
    const events = await stream(model, "lateThrow", { accept: "text/event-stream" });
    assert.match(events.chunks.join(""), /^01\n\nevent: error\ndata: \{.*"code":"MODEL_ERROR".*\}\n\n$/);
    assert.ok(!events.chunks.join("").includes("hidden reason"));
    assert.equal(events.aborted, false);
    assert.equal((await stream(model, "lateThrow", { accept: "application/json" })).status, 500);
    assert.deepEqual((await stream(model, "sync")).chunks.join(""), "ab");
  });

  it("a client that does not read stops the generator; one that leaves ends it and frees the slot", async (t) => {
    const model = await runModel(t, MODEL, { config: "runtime: {predict_concurrency: 2}" });
    const req = request(`${model.url}/predict`, { method: "POST" });
    req.end('"endless"');
    const res = await new Promise<IncomingMessage>((resolve) => req.on("response", resolve));
    res.pause();
    let before = -1;
    await until(
      async () => {
        const { pulled } = await counts(model);
        const still = pulled === before;
        before = pulled;
        return still;
      },
      { interval: 200, what: "the generator to stand still" },
    );
    assert.ok(
      before * 65536 < 32 * 1024 * 1024,
      `${before} items of 64 KiB were pulled for a client that reads none`,
    );
    res.on("error", () => undefined);
    req.destroy();
    await until(async () => (await counts(model)).returned === 1, { what: "return() of the generator" });
    await until(async () =>
      /purlin_requests_in_flight 0\n/.test(await (await fetch(`${model.url}/metrics`)).text()),
    );
  });

  it("a stream that stalls longer than streaming_read_timeout_seconds is cut off", async (t) => {
    const model = await runModel(t, MODEL, {
      config: "runtime: {streaming_read_timeout_seconds: 1, cancel_grace_seconds: 1}",
    });
    const stalled = await stream(model, "stalls");
    assert.deepEqual([stalled.chunks, stalled.aborted], [["first"], true]);
    const next = await stream(model, "sync");
    assert.equal(next.chunks.join(""), "ab");
  });

  it("a client that reads in fits and starts gets all of it, and costs the front nothing that lasts", async (t) => {
    const model = await runModel(
      t,
      'export class Model { async *predict() { for (let i = 0; i < 400; i++) yield "x".repeat(60_000); } }',
    );
    const { length, pauses } = await new Promise<{ length: number; pauses: number }>((resolve, reject) => {
      const req = request(`${model.url}/predict`, { method: "POST" }, (res) => {
        const seen = { length: 0, pauses: 0 };
        res.on("data", (chunk: Buffer) => {
          seen.length += chunk.length;
          if (seen.length < (seen.pauses + 1) * 1_000_000) return;
          seen.pauses += 1;
          res.pause();
          setTimeout(() => res.resume(), 10);
        });
        res.on("error", reject);
        res.on("end", () => resolve(seen));
      });
      req.on("error", reject);
      req.end("1");
    });
    assert.equal(length, 24_000_000);
    assert.ok(pauses >= 20);
    assert.ok(!model.logText().includes("MaxListenersExceededWarning"), model.logText().slice(-500));
  });
});
