// Model contract §6, issue 5 point 8: what user code hands to console.* is a text and fields, whatever it is.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type LogRecord, runModel, type RunModelOptions } from "../helpers/run-model.ts";
import { until } from "../helpers/until.ts";
import type { TestContext } from "node:test";

const OBEDIENT = `export class Model { async predict(code) { await new Function("return (async () => {" + code + "})()")(); } }`;

interface Console {
  /** Runs code in the model; the one record that it logs. */
  record(code: string, headers?: Record<string, string>): Promise<LogRecord>;
  raw(): string;
}

async function start(t: TestContext, options: RunModelOptions = {}): Promise<Console> {
  const model = await runModel(t, OBEDIENT, options);
  let calls = 0;
  return {
    raw: model.logText,
    async record(code, headers = {}) {
      const id = `call-${++calls}`;
      const answer = await model.predict(code, { headers: { "x-request-id": id, ...headers } });
      assert.equal(answer.status, 200, code);
      const own = (): LogRecord[] =>
        model.logs().filter((each) => each["request_id"] === id && each["status"] === undefined);
      return until(() => own()[0], { what: `a record of ${code}` });
    },
  };
}

/** Without what every record has. */
function fieldsOf(record: LogRecord): Record<string, unknown> {
  const { time, level, message, request_id, worker, ...fields } = record;
  assert.deepEqual([typeof time, typeof level, typeof message, typeof request_id], Array(4).fill("string"));
  assert.equal(worker, 1);
  return fields;
}

test("objects are fields, the rest is text", async (t) => {
  const { record } = await start(t);
  const first = await record(
    'console.log("trained", { epoch: 3, loss: 0.5 }, "well", { tags: ["a", { b: null }] })',
  );
  assert.equal(first.message, "trained well");
  assert.deepEqual(fieldsOf(first), { epoch: 3, loss: 0.5, tags: ["a", { b: null }] });
  const alone = await record('console.warn({ a: 1, deep: { er: "x" } })');
  assert.equal(alone.message, "{ a: 1, deep: { er: 'x' } }");
  assert.deepEqual([alone.level, fieldsOf(alone)], ["warn", { a: 1, deep: { er: "x" } }]);
  const formatted = await record('console.info("%s is %d %j", "it", 4, { kept: 1 })');
  assert.deepEqual([formatted.message, fieldsOf(formatted)], ['it is 4 {"kept":1}', {}]);
  assert.equal(
    (await record('console.log("100 %", [1, 2], 10n, Symbol("s"))')).message,
    "100 % [ 1, 2 ] 10n Symbol(s)",
  );
  const error = await record('console.error("failed", new TypeError("boom"), { step: 2 })');
  assert.equal(error.message, "failed TypeError: boom");
  assert.equal(error["step"], 2);
});

test("names that the record has itself are kept from it", async (t) => {
  const { record } = await start(t);
  const clash = await record(
    'console.log("m", JSON.parse(\'{"level":"debug","time":1,"message":"x","worker":9,"request_id":"r","trace_id":"t","stack":"s","__proto__":5}\'))',
    { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" },
  );
  assert.deepEqual([clash.level, clash.message, clash["worker"]], ["info", "m", 1]);
  assert.equal(clash["trace_id"], "0af7651916cd43dd8448eb211c80319c");
  assert.deepEqual(
    ["level_", "time_", "message_", "worker_", "request_id_", "trace_id_", "stack_", "__proto___"].map(
      (name) => clash[name],
    ),
    ["debug", 1, "x", 9, "r", "t", "s", 5],
  );
});

test("cycles, depth, size and values that fight back are bounded; every line stays JSON", async (t) => {
  const { record, raw } = await start(t);
  const cycle = fieldsOf(
    await record('const a = { name: "a" }; a.self = a; a.list = [a]; console.log("m", a)'),
  );
  assert.deepEqual(cycle, { name: "a", self: "[circular]", list: ["[circular]"] });
  const deep = await record('let d = {}; for (let i = 0; i < 1e4; i++) d = { d }; console.log("m", d)');
  assert.ok(JSON.stringify(fieldsOf(deep)).length < 200);
  const wide = await record(
    'console.log("m", { big: "x".repeat(1e6), many: Object.fromEntries(Array.from({ length: 1e5 }, (_, i) => ["k" + i, i])), list: Array(1e5).fill(7) }, { after: 1 })',
  );
  const length = JSON.stringify(fieldsOf(wide)).length;
  assert.ok(length < 20_000, `${length} characters`);
  const escapes = await record(
    'console.log("\\u0001".repeat(1e5), Object.fromEntries(Array.from({ length: 50 }, (_, i) => ["k" + i, "\\u0001".repeat(1e4)])))',
  );
  assert.equal(escapes.level, "info");
  const odd = fieldsOf(
    await record(`console.log("m", { get bad() { throw new Error("no"); }, fine: 1, f() {}, s: Symbol("x"), n: NaN, big: 12n, date: new Date(0),
      map: new Map([["k", 1]]), set: new Set([2]), bytes: new Uint8Array(1000), err: new RangeError("r"), url: new URL("http://x/y"), no: undefined })`),
  );
  assert.deepEqual(odd, {
    bad: "[threw]",
    fine: 1,
    f: "[function]",
    s: "[symbol]",
    n: "NaN",
    big: "12",
    date: "1970-01-01T00:00:00.000Z",
    map: { k: 1 },
    set: [2],
    bytes: "[Uint8Array of 1000]",
    err: "RangeError: r",
    url: "http://x/y",
  });
  await record(
    'console.log("m", new Proxy({}, { getPrototypeOf() { throw 1; }, ownKeys() { throw 2; }, get() { throw 3; } }))',
  );
  for (const line of raw()
    .split("\n")
    .filter((text) => text.startsWith("{")))
    JSON.parse(line);
});

test("secrets are masked in fields, also in the middle of deep ones", async (t) => {
  const secret = 'pa"ss\\word-4711';
  const { record, raw } = await start(t, {
    config: "secrets: { token: null }",
    env: { PURLIN_SECRET_TOKEN: secret },
  });
  const code = `const token = ${JSON.stringify(secret)}; console.log("m", { token, in: [{ header: "Bearer " + token }], [token]: 1 })`;
  const { token, in: inner, ...rest } = await record(code);
  assert.deepEqual([token, inner, rest["***"]], ["***", [{ header: "Bearer ***" }], 1]);
  assert.ok(!raw().includes("4711"));
});
