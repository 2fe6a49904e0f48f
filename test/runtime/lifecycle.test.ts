// Model contract §2 and §6, spec cases F and E: construction, load, readiness, ending.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { isAlive } from "../helpers/is-alive.ts";
import { runModel, type RunningModel } from "../helpers/run-model.ts";
import { until } from "../helpers/until.ts";

const said = (model: RunningModel, text: string): boolean =>
  model.logs().some(({ message }) => message.includes(text));

async function statusOf(url: string, path: string, init?: RequestInit): Promise<number> {
  const response = await fetch(url + path, init);
  await response.arrayBuffer();
  return response.status;
}

const PROBES = ["/", "/health/live", "/health/ready", "/ping", "/v1/models/m", "/v1/models/m/loaded"];

test("while load goes on the server lives and is not ready; after it, it is", async (t) => {
  const source = `
    import { existsSync } from "node:fs";
    export class Model {
      constructor({ dataDir }) { this.file = dataDir + "/go"; }
      async load() { while (!existsSync(this.file)) await new Promise((r) => setTimeout(r, 20)); this.loaded = true; }
      predict() { return this.loaded === true; }
    }`;
  const model = await runModel(t, source, { ready: false });
  const statuses = (): Promise<number[]> => Promise.all(PROBES.map((path) => statusOf(model.url, path)));
  assert.deepEqual(await statuses(), [200, 200, 503, 503, 503, 503]);
  const refused = await model.predict(null);
  assert.equal(refused.status, 503);
  assert.ok(refused.headers.has("retry-after"));
  assert.equal(((await refused.json()) as { code: string }).code, "MODEL_NOT_READY");
  const ready = (await (await fetch(`${model.url}/health/ready`)).json()) as Record<string, unknown>;
  assert.deepEqual([ready["code"], ready["state"]], ["MODEL_NOT_READY", "loading"]);
  assert.equal(await statusOf(model.url, "/schema"), 503);
  await writeFile(join(model.dir, "data/go"), "");
  await model.runtime.ready;
  assert.deepEqual(await statuses(), [200, 200, 200, 200, 200, 200]);
  assert.equal(await (await model.predict(null)).json(), true);
});

test("while predict computes without a pause, health and metrics are answered", async (t) => {
  const source = `export class Model { isHealthy() { return true; } predict(ms) { const end = Date.now() + ms; while (Date.now() < end); return 1; } }`;
  const { predict, url } = await runModel(t, source);
  const running = predict(1500);
  let slowest = 0;
  for (let i = 0; i < 20; i++) {
    const began = performance.now();
    for (const path of ["/", "/health/ready", "/v1/models/m/loaded"])
      assert.equal(await statusOf(url, path), 200);
    slowest = Math.max(slowest, performance.now() - began);
  }
  assert.equal(await (await running).json(), 1);
  assert.ok(slowest < 700, `three probes took ${slowest} ms`);
});

test("isHealthy is a matter of truth; a throw is a no and is logged; loaded and predict do not mind", async (t) => {
  const source = `
    let opinion = true;
    export class Model {
      isHealthy() { if (opinion === "throw") throw new Error("not well"); return opinion; }
      predict(value) { opinion = value; return "set"; }
    }`;
  const model = await runModel(t, source);
  for (const [value, status] of [
    [true, 200],
    ["yes", 200],
    [34, 200],
    [{}, 200],
    [false, 503],
    ["", 503],
    [0, 503],
    [null, 503],
    ["throw", 503],
    [true, 200],
  ] as const) {
    assert.ok((await model.predict(value)).ok);
    assert.equal(await statusOf(model.url, "/v1/models/m"), status, JSON.stringify(value));
    assert.equal(await statusOf(model.url, "/v1/models/m/loaded"), 200);
  }
  await until(() => said(model, "not well"));
  const refusals = (): number =>
    model.logs().filter(({ message }) => message === "Health check failed.").length;
  await until(() => refusals() >= 5);
  assert.equal(refusals(), 5);
});

test("isHealthy that takes too long leaves the last opinion standing", async (t) => {
  const source = `let calls = 0; export class Model { isHealthy() { calls += 1; return calls === 1 ? false : new Promise(() => {}); } predict() {} }`;
  const { url } = await runModel(t, source);
  assert.equal(await statusOf(url, "/ping"), 503);
  const began = performance.now();
  assert.equal(await statusOf(url, "/ping"), 503);
  assert.ok(performance.now() - began < 1000);
});

test("an opinion that comes too late for its probe counts for the next", async (t) => {
  const source = `export class Model { predict() {} async isHealthy() { await new Promise((r) => setTimeout(r, 200)); return false; } }`;
  const { url } = await runModel(t, source);
  assert.equal(await statusOf(url, "/ping"), 200);
  await until(async () => (await statusOf(url, "/ping")) === 503);
});

test("examples gate readiness: a wrong answer or a throw keeps the model out", async (t) => {
  const source = `export class Model { predict(x) { if (x === "bad") throw new Error("cannot do it"); console.log("warm " + x); return x * 2; } }`;
  const good = await runModel(t, source, {
    config: "examples:\n  - name: one\n    input: 2\n    output: 4\n  - name: two\n    input: 3\n",
  });
  await until(() => said(good, "warm 2") && said(good, "warm 3"));
  for (const [config, why] of [
    ["examples:\n  - name: one\n    input: 2\n    output: 5\n", /4.*5/s],
    ["examples:\n  - name: one\n    input: bad\n", /"one" failed: Error: cannot do it/],
  ] as const) {
    const model = await runModel(t, source, { config, ready: false });
    await assert.rejects(model.runtime.ready, why);
    assert.equal((await model.runtime.exited).code, 1);
    assert.equal(said(model, "cannot do it"), config.includes("bad"));
  }
});

test("the context: config, dataDir, environment; setupEnvironment runs before load, and its throw is not fatal", async (t) => {
  const source = `
    const order = [];
    export default class Model {
      constructor(context) { this.context = context; }
      setupEnvironment(environment) { order.push(environment); if (environment?.name === "broken") throw new Error("no such environment"); }
      load() { order.push("load"); }
      predict() { const { config, dataDir, environment } = this.context; return { name: config.model_name, dataDir, environment, order }; }
    }`;
  const none = await runModel(t, source);
  const first = (await (await none.predict(0)).json()) as Record<string, unknown>;
  assert.deepEqual(first, { name: "m", dataDir: join(none.dir, "data"), environment: null, order: ["load"] });
  const staging = { name: "staging", region: "eu" };
  const deployed = await runModel(t, source, { env: { PURLIN_ENVIRONMENT: JSON.stringify(staging) } });
  const second = (await (await deployed.predict(0)).json()) as Record<string, unknown>;
  assert.deepEqual([second["environment"], second["order"]], [staging, [staging, "load"]]);
  const broken = await runModel(t, source, { env: { PURLIN_ENVIRONMENT: '{"name":"broken"}' } });
  assert.ok((await broken.predict(0)).ok);
  await until(() => said(broken, "no such environment"));
});

test("SIGTERM: not ready at once, what was accepted is answered, shutdown() runs, exit 0, the port is free", async (t) => {
  const source = `export class Model {
      async predict(ms) { console.log("began"); await new Promise((r) => setTimeout(r, ms)); return ms; }
      async shutdown() { await new Promise((r) => setTimeout(r, 100)); console.log("shut down in peace"); } }`;
  const model = await runModel(t, source);
  const answers = [500, 1, 2].map(async (ms) => (await model.predict(ms)).json());
  await until(() => said(model, "began"));
  await until(async () => /queue_depth 2/.test(await (await fetch(`${model.url}/metrics`)).text()));
  process.kill(model.runtime.pid, "SIGTERM");
  const ready = await until(async () => {
    const response = await fetch(`${model.url}/health/ready`);
    return response.status === 503 && ((await response.json()) as { state: string });
  });
  assert.equal(ready.state, "draining");
  assert.equal(await statusOf(model.url, "/health/live"), 200);
  const late = await model.predict(1);
  assert.deepEqual(
    [late.status, late.headers.get("connection"), ((await late.json()) as { code: string }).code],
    [503, "close", "SHUTTING_DOWN"],
  );
  assert.deepEqual(await Promise.all(answers), [500, 1, 2]);
  assert.deepEqual(await model.runtime.exited, { code: 0, signal: null });
  assert.ok(said(model, "shut down in peace"));
  const { port } = new URL(model.url);
  const free = await new Promise((resolve) => {
    connect(Number(port), "127.0.0.1")
      .on("error", () => resolve(true))
      .on("connect", () => resolve(false));
  });
  assert.equal(free, true);
});

test("SIGTERM while a client still reads its large answer, or still sends its body: both are served to the end", async (t) => {
  const model = await runModel(t, "export class Model { predict(n) { return 'x'.repeat(n); } }");
  const large = await model.predict(60_000_000);
  const { port } = new URL(model.url);
  const slow = connect(Number(port), "127.0.0.1");
  let answer = "";
  slow.on("data", (piece: Buffer) => (answer += piece.toString()));
  slow.write("POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n1");
  await new Promise((resolve) => setTimeout(resolve, 200));
  process.kill(model.runtime.pid, "SIGTERM");
  await until(async () => (await statusOf(model.url, "/ping")) === 503);
  assert.equal((await large.text()).length, 60_000_002);
  slow.write("0");
  await until(() => /200 OK[^]*"x{10}"/.test(answer));
  assert.equal((await model.runtime.exited).code, 0);
});

test("a second signal ends it at once, with all of its processes", async (t) => {
  const source = `export class Model { async predict() { console.log("pid " + process.pid); await new Promise((r) => setTimeout(r, 60_000)); } }`;
  const model = await runModel(t, source);
  const lost = model.predict(0).catch(() => null);
  const record = await until(() => model.logs().find(({ message }) => message.startsWith("pid ")));
  const pid = Number(record.message.slice(4));
  process.kill(model.runtime.pid, "SIGTERM");
  await until(async () => (await statusOf(model.url, "/ping")) === 503, {
    what: "the first signal to count",
  });
  const began = performance.now();
  process.kill(model.runtime.pid, "SIGTERM");
  const { code } = await model.runtime.exited;
  assert.ok(performance.now() - began < 1000);
  assert.notEqual(code, 0);
  await lost;
  await until(() => !isAlive(pid), { timeout: 1000 });
});

test("a drain that takes longer than shutdown_timeout_seconds is cut off", async (t) => {
  const source = `export class Model { async predict() { console.log("began"); await new Promise((r) => setTimeout(r, 60_000)); } }`;
  const model = await runModel(t, source, { config: "runtime:\n  shutdown_timeout_seconds: 1\n" });
  const lost = model.predict(0).catch(() => null);
  await until(() => said(model, "began"));
  const began = performance.now();
  process.kill(model.runtime.pid, "SIGTERM");
  await model.runtime.exited;
  await lost;
  assert.ok(performance.now() - began < 5000);
  assert.equal((await model.pids()).length, 0);
});

test("SIGTERM in a load that computes ends the runtime at once", async (t) => {
  const source = `export class Model { load() { console.log("computes"); for (const end = Date.now() + 20_000; Date.now() < end; ); } predict() {} }`;
  const model = await runModel(t, source, { ready: false });
  await until(() => said(model, "computes"));
  const began = performance.now();
  process.kill(model.runtime.pid, "SIGTERM");
  assert.equal((await model.runtime.exited).code, 0);
  assert.ok(performance.now() - began < 2000, `it took ${performance.now() - began} ms`);
  await until(async () => (await model.pids()).length === 0);
});
