// Model contract §2 and §6, issue 2 "Bad input to survive": what user code does to its process costs the requests
// that ran there, and nothing else.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { isAlive } from "../helpers/is-alive.ts";
import { readMetric } from "../helpers/read-metric.ts";
import { type LogRecord, runModel, type RunningModel } from "../helpers/run-model.ts";
import { until } from "../helpers/until.ts";

/** predict runs the code that it is sent; `state` says whether it is the first process. */
const OBEDIENT = `
import { fork, spawn } from "node:child_process";
const AsyncFunction = (async () => {}).constructor;
const sleep = (ms) => new Promise((r) => setTimeout(r, ms));
export class Model {
  async predict(code, request) { return new AsyncFunction("request", "sleep", "spawn", code)(request, sleep, spawn); }
}`;

interface ErrorBody {
  error: string;
  code: string;
  request_id: string;
}

async function codeOf(response: Response): Promise<[status: number, code: string]> {
  return [response.status, ((await response.json()) as ErrorBody).code];
}

const restarts = ({ url }: RunningModel, reason: string): Promise<number> =>
  readMetric(url, `purlin_model_restarts_total{reason="${reason}"}`);

const DEATHS: [name: string, code: string, reason: string][] = [
  ["exits", "process.exit(3)", "exit-code-3"],
  ["exits with 0", "process.exit(0)", "exit-code-0"],
  ["aborts", "process.abort()", "SIGABRT"],
  ["is killed", "process.kill(process.pid, 'SIGKILL'); await sleep(5000)", "SIGKILL"],
  [
    "throws outside of any promise",
    "setTimeout(() => { throw new Error('lost') }); await sleep(5000)",
    "exit-code-1",
  ],
  ["throws a string there", "setTimeout(() => { throw 'lost' }); await sleep(5000)", "exit-code-1"],
  [
    "fills its heap",
    "const all = []; for (;;) all.push(new Array(100_000).fill(Math.random()))",
    "out-of-memory",
  ],
];

test("a process that dies fails the request that ran, with 503 MODEL_CRASHED; the next one is answered", async (t) => {
  // A small heap, so that filling it takes no time.
  for (const [name, code, reason] of DEATHS) {
    const model = await runModel(t, OBEDIENT, { env: { NODE_OPTIONS: "--max-old-space-size=64" } });
    let isOver = false;
    const lost = model.predict(code).finally(() => (isOver = true));
    // Some deaths are over before anybody can see that the request runs.
    const isUnderWay = async () => (await readMetric(model.url, "purlin_requests_in_flight")) >= 1 || isOver;
    const queued = until(isUnderWay, { what: "it to run" }).then(() => model.predict("return 'queued'"));
    assert.deepEqual(await codeOf(await lost), [503, "MODEL_CRASHED"], name);
    const answer = await queued;
    assert.deepEqual([answer.status, await answer.json()], [200, "queued"], name);
    assert.equal(await restarts(model, reason), 1, `${name}: ${model.logText().slice(-600)}`);
    const isReport = (record: LogRecord): boolean => record["code"] === "MODEL_CRASHED" && "reason" in record;
    const log = await until(() => model.logs().find(isReport), { what: `the report of ${name}` });
    assert.match(String(log["reason"]), new RegExp(reason), name);
    await model.runtime.stop();
  }
});

test("what was queued behind a crash is answered by the next process, in order, and none is lost", async (t) => {
  const model = await runModel(t, OBEDIENT);
  const lost = model.predict("await sleep(300); process.exit(1)");
  await until(async () => (await readMetric(model.url, "purlin_requests_in_flight")) === 1);
  const queued = Array.from({ length: 50 }, (_, i) => model.predict(`return ${i}`));
  assert.equal((await lost).status, 503);
  const answers = await Promise.all(queued.map(async (answer) => (await answer).json()));
  assert.deepEqual(
    answers,
    Array.from({ length: 50 }, (_, i) => i),
  );
});

test("requests that were ahead in a process that died keep their order in the next", async (t) => {
  const source = `let seen = []; export class Model { predict(x) {
    if (x === "die") { const end = Date.now() + 1000; while (Date.now() < end); process.exit(1); }
    if (x === "seen") return seen;
    seen.push(x);
    return x;
  } }`;
  const model = await runModel(t, source);
  // Quick ones first: then the front sends ahead, and its table of requests has gaps in any order.
  for (let i = 0; i < 20; i++) await Promise.all(Array.from({ length: 12 }, () => model.predict("quick")));
  const lost = model.predict("die");
  await until(async () => (await readMetric(model.url, "purlin_requests_in_flight")) === 1);
  const answers: Promise<Response>[] = [];
  for (let i = 0; i < 12; i++) {
    answers.push(model.predict(i));
    // A metrics page would take longer than the whole: the model is busy. A gap makes the order certain.
    await delay(15);
  }
  assert.equal((await lost).status, 503);
  for (const answer of answers) assert.equal((await answer).status, 200);
  assert.deepEqual(
    await (await model.predict("seen")).json(),
    answers.map((_, i) => i),
  );
});

test("a crash between requests is healed before anybody notices", async (t) => {
  const model = await runModel(t, OBEDIENT);
  assert.equal(
    await (await model.predict("setTimeout(() => process.exit(4), 50); return 'ok'")).json(),
    "ok",
  );
  await until(async () => (await restarts(model, "exit-code-4")) === 1, {
    what: "the restart to be counted",
  });
  assert.equal(await (await model.predict("return 'again'")).json(), "again");
});

test("a rejection after the answer is logged and ends nothing", async (t) => {
  const model = await runModel(t, OBEDIENT);
  const pid = await (await model.predict("Promise.reject(new Error('too late')); return process.pid")).json();
  await until(() => model.logs().some((r) => r.level === "error" && r.message.includes("too late")));
  assert.equal(await (await model.predict("return process.pid")).json(), pid);
});

test("a thrown string, null or object is a MODEL_ERROR like any throw", async (t) => {
  const model = await runModel(t, OBEDIENT);
  for (const thrown of [
    "'a string'",
    "null",
    "undefined",
    "{ a: 1 }",
    "Object.create(null)",
    "Symbol('x')",
    "new Proxy({}, { get() { throw 1 } })",
    "new Proxy(new Error('x'), { has() { throw 1 }, get() { throw 2 }, getPrototypeOf() { throw 3 } })",
    "(() => { const r = Proxy.revocable({}, {}); r.revoke(); return r.proxy; })()",
    "(() => { const e = new Error('x'); e.cause = e; return e; })()",
    "(() => { let e = new Error('x'); for (let i = 0; i < 1e5; i++) e = new Error('x', { cause: e }); return e; })()",
    "Object.defineProperty(new Error('x'), 'message', { get() { throw new Error('no') } })",
    "Object.assign(new Error('x'), { message: Symbol('a'), stack: 5, name: null })",
  ]) {
    assert.deepEqual(await codeOf(await model.predict(`throw ${thrown}`)), [500, "MODEL_ERROR"], thrown);
  }
  assert.equal(await (await model.predict("return 1")).json(), 1);
});

test("a model that always dies is tried again with pauses and then given up", async (t) => {
  const model = await runModel(t, OBEDIENT, { env: { PURLIN_ON_LOAD_FAILURE: "stay" } });
  for (let i = 0; i < 3; i++) {
    const answer = await model.predict("process.exit(9)");
    assert.equal(answer.status, 503);
  }
  assert.ok((await fetch(`${model.url}/health/live`)).ok);
  // Given time, it serves again.
  await until(async () => (await model.predict("return 1")).ok, { what: "an answer" });
});

test("SIGKILL of the front leaves no process, though predict spins and its children ignore SIGTERM", async (t) => {
  const model = await runModel(t, OBEDIENT);
  const child = `process.on("SIGTERM", () => {}); process.on("SIGHUP", () => {}); setInterval(() => {}, 1000)`;
  const started = await model.predict(
    `const c = spawn(process.execPath, ["-e", ${JSON.stringify(child)}], { stdio: "ignore" }); return [process.pid, c.pid]`,
  );
  const pids = (await started.json()) as number[];
  void model.predict("for (;;);").catch(() => undefined);
  await until(async () => (await readMetric(model.url, "purlin_requests_in_flight")) === 1);
  assert.ok(pids.every(isAlive));
  process.kill(model.runtime.pid, "SIGKILL");
  await until(async () => pids.every((pid) => !isAlive(pid)) && (await model.pids()).length === 0, {
    timeout: 2000,
    what: () => `processes ${pids.filter(isAlive).join(", ")} to be gone`,
  });
});

test("stopping ends a model that ignores SIGTERM, and all that it forked", async (t) => {
  const source = `${OBEDIENT}\nfor (const s of ["SIGTERM", "SIGINT", "SIGHUP"]) process.on(s, () => {});`;
  const model = await runModel(t, source);
  const started = await model.predict(
    `const c = spawn("sh", ["-c", "trap '' TERM HUP INT; while :; do sleep 1; done"], { stdio: "ignore" }); return [process.pid, c.pid]`,
  );
  const pids = (await started.json()) as number[];
  await model.runtime.stop({ graceMs: 10_000 });
  assert.equal((await model.runtime.exited).code, 0);
  await until(() => pids.every((pid) => !isAlive(pid)), { timeout: 3000, what: "all to be gone" });
});

test("a predict that never ends, and whose client has left, costs its process after the grace", async (t) => {
  const model = await runModel(t, OBEDIENT, { config: "runtime:\n  cancel_grace_seconds: 1\n" });
  const pid = (await (await model.predict("return process.pid")).json()) as number;
  const left = new AbortController();
  const stuck = model.predict("for (;;);", { signal: left.signal }).catch(() => undefined);
  await until(async () => (await readMetric(model.url, "purlin_requests_in_flight")) === 1);
  const waiting = model.predict("return process.pid");
  left.abort();
  await stuck;
  const next = (await (await waiting).json()) as number;
  assert.notEqual(next, pid);
  await until(() => !isAlive(pid), { what: "the stuck process to be gone" });
  assert.equal(await restarts(model, "cancelled-request"), 1);
});

test("a model that prints 200,000 lines holds nobody up, and loses none unsaid", async (t) => {
  const model = await runModel(t, OBEDIENT, { config: "runtime:\n  predict_concurrency: 4\n" });
  const printing = model.predict(
    `for (let i = 0; i < 200; i++) { for (let j = 0; j < 1000; j++) console.log("line " + (i * 1000 + j)); await sleep(0); } return "printed"`,
  );
  let slowest = 0;
  let asked = 0;
  const state = { done: false };
  void printing.finally(() => (state.done = true));
  while (!state.done) {
    const began = performance.now();
    assert.equal(await (await model.predict("return 1")).json(), 1);
    assert.ok((await fetch(`${model.url}/health/ready`)).ok);
    slowest = Math.max(slowest, performance.now() - began);
    asked += 1;
  }
  assert.equal(await (await printing).json(), "printed");
  assert.ok(asked >= 3, `only ${asked} others were answered meanwhile`);
  assert.ok(slowest < 2000, `another request took ${slowest.toFixed(0)} ms`);
  await until(
    () => {
      const logs = model.logs();
      const dropped = logs
        .map((r) => /^(\d+) log lines were dropped/.exec(r.message))
        .reduce((sum, m) => sum + Number(m?.[1] ?? 0), 0);
      return logs.filter((r) => r.message.startsWith("line ")).length + dropped >= 200_000;
    },
    { what: "every line to be written or counted", interval: 300 },
  );
});
