// Model contract §2 and §3, spec cases E7-E10 and F3-F7: models that cannot be loaded, and those that can at the second try.
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { runModel, type RunModelOptions, type RunningModel } from "../helpers/run-model.ts";
import { until } from "../helpers/until.ts";

interface Failure {
  model: RunningModel;
  message: string;
}

/** Runs a model that must fail, and end with 1, leaving nothing. */
async function failing(t: TestContext, source: string, options: RunModelOptions = {}): Promise<Failure> {
  const model = await runModel(t, source, { ...options, ready: false });
  const error = await model.runtime.ready.then(
    () => assert.fail("it became ready"),
    (reason: Error) => reason,
  );
  assert.deepEqual(await model.runtime.exited, { code: 1, signal: null }, model.logText());
  await until(async () => (await model.pids()).length === 0, { what: "its processes to be gone" });
  return { model, message: error.message };
}

const count = (model: RunningModel, text: string): number =>
  model.logs().filter(({ message }) => message.includes(text)).length;

const NO_RETRY = { config: "runtime:\n  load_retries: 0\n" };

const BROKEN: [name: string, source: string, message: RegExp][] = [
  ["no class of that name", "export class Other { predict() {} }", /model\/model\.ts.*Model/s],
  ["no export at all", "class Model { predict() {} }", /model\/model\.ts/],
  ["an export that is no class", "export const Model = { predict() {} };", /class/],
  [
    "neither predict nor websocket",
    "export class Model { preprocess(x) { return x } }",
    /predict.*websocket/s,
  ],
  [
    "websocket and predict",
    "export class Model { predict() {} websocket() {} }",
    /websocket.*predict|predict.*websocket/s,
  ],
  [
    "websocket and preprocess",
    "export class Model { preprocess() {} websocket() {} }",
    /websocket.*preprocess|preprocess.*websocket/s,
  ],
  ["a method that is no function", "export class Model { predict = 3 }", /predict.*function/s],
  ["a hook that is no function", "export class Model { predict() {} load = 'x' }", /load.*function/s],
  ["a syntax error", "export class Model { predict( }", /SyntaxError|Unexpected/],
  [
    "an import that is not there",
    "import 'not-a-package'; export class Model { predict() {} }",
    /not-a-package/,
  ],
  [
    "a throw while it is imported",
    "throw new Error('at the top'); export class Model { predict() {} }",
    /at the top/,
  ],
  [
    "a throw in the constructor",
    "export class Model { constructor() { throw new Error('no start') } predict() {} }",
    /no start/,
  ],
];

test("a model that breaks a rule ends the runtime with 1 and a message that names the rule", async (t) => {
  for (const [name, source, message] of BROKEN) {
    const failure = await failing(t, source);
    assert.match(failure.message, message, name);
    const log = failure.model.logs().find((record) => record["code"] === "MODEL_LOAD_FAILED");
    assert.match(log?.message ?? "", message, name);
  }
});

test("a throw in load is tried again once, on a fresh instance, and then given up", async (t) => {
  const source = `let made = 0;
    export class Model { constructor() { this.id = ++made; } load() { console.log("load of " + this.id); throw new TypeError("no weights"); } predict() {} }`;
  const { model, message } = await failing(t, source);
  assert.match(message, /TypeError: no weights/);
  assert.deepEqual(
    [count(model, "load of 1"), count(model, "load of 2"), count(model, "load of 3")],
    [1, 1, 0],
  );
});

test("load_retries 0 is one attempt; 2 are three, and the one that works counts", async (t) => {
  const source = (works: number): string => `let made = 0;
    export class Model { constructor() { this.id = ++made; } async load() { console.log("attempt " + this.id); if (this.id < ${works}) throw new Error("not yet"); } predict() { return this.id; } }`;
  const one = await failing(t, source(2), NO_RETRY);
  assert.equal(count(one.model, "attempt"), 1);
  const third = await runModel(t, source(3), { config: "runtime:\n  load_retries: 2\n" });
  assert.equal(await (await third.predict(0)).json(), 3);
});

test("a rejected load is awaited like a throw", async (t) => {
  const source = `export class Model { async load() { await null; throw "just a string"; } predict() {} }`;
  assert.match((await failing(t, source, NO_RETRY)).message, /just a string/);
});

const ENDS: [name: string, code: string, reason: RegExp][] = [
  ["exits", "process.exit(7)", /exit-code-7/],
  ["exits with 0", "process.exit(0)", /exit-code-0/],
  ["is killed", "process.kill(process.pid, 'SIGKILL')", /SIGKILL/],
  [
    "throws outside of load",
    "setTimeout(() => { throw new Error('stray') }); await new Promise(() => {})",
    /exit-code-1/,
  ],
  ["waits for nothing", "await new Promise(() => {})", /load took longer/],
];

test("a process that ends in load ends the runtime with 1 and the reason", async (t) => {
  for (const [name, code, reason] of ENDS) {
    const source = `export class Model { async load() { ${code}; } predict() {} }`;
    const config = "runtime:\n  load_retries: 0\n  load_timeout_seconds: 1\n";
    assert.match((await failing(t, source, { config })).message, reason, name);
  }
});

test("exit in load is tried again in a fresh process", async (t) => {
  const source = `
    import { existsSync, writeFileSync } from "node:fs";
    export class Model {
      constructor({ dataDir }) { this.mark = dataDir + "/tried"; }
      load() { if (!existsSync(this.mark)) { writeFileSync(this.mark, ""); process.exit(5); } }
      predict() { return "loaded"; }
    }`;
  const model = await runModel(t, source);
  assert.equal(await (await model.predict(0)).json(), "loaded");
});

test("a load that computes for ever is cut off by its timeout", async (t) => {
  const source = `export class Model { load() { for (;;); } predict() {} }`;
  const config = "runtime:\n  load_retries: 0\n  load_timeout_seconds: 1\n";
  assert.match((await failing(t, source, { config })).message, /load took longer than 1 s/);
});

test("where it is told to stay, a failed model answers 503 with the reason", async (t) => {
  const source = `export class Model { load() { throw new Error("no weights here"); } predict() {} }`;
  const env = { PURLIN_ON_LOAD_FAILURE: "stay" };
  const model = await runModel(t, source, { ...NO_RETRY, env, ready: false });
  await assert.rejects(model.runtime.ready);
  const ready = await fetch(`${model.url}/health/ready`);
  const body = (await ready.json()) as Record<string, string>;
  assert.deepEqual([ready.status, body["code"], body["state"]], [503, "MODEL_LOAD_FAILED", "failed"]);
  assert.match(body["reason"] ?? "", /no weights here/);
  assert.equal(ready.headers.get("retry-after"), null);
  const predict = await model.predict(0);
  assert.deepEqual(
    [predict.status, ((await predict.json()) as { code: string }).code],
    [503, "MODEL_LOAD_FAILED"],
  );
  assert.equal((await fetch(`${model.url}/health/live`)).status, 200);
  await model.runtime.stop();
  assert.equal((await model.runtime.exited).code, 0);
});

test("a folder that is no package ends it with 2 and one line", async (t) => {
  const model = await runModel(t, "export class Model { predict() {} }");
  await model.runtime.stop();
  const { spawnSync } = await import("node:child_process");
  const env = { PATH: process.env["PATH"], PURLIN_PACKAGE_DIR: `${model.dir}/code` };
  const ended = spawnSync(process.execPath, [`${model.dir}/runtime/front.mjs`], {
    env,
    encoding: "utf8",
    timeout: 20_000,
  });
  assert.equal(ended.status, 2);
  assert.match(ended.stderr, /^\S+ is not a package: [^\n]+\n$/);
});

test("no secret is in what is told of a failed load", async (t) => {
  const source = `export class Model {
    constructor({ secrets }) { this.key = secrets.api_key; }
    load() { throw new Error("bad key " + this.key, { cause: new Error("refused " + this.key) }); }
    predict() {}
  }`;
  const model = await runModel(t, source, {
    config: "secrets: {api_key: null}\nruntime: {load_retries: 0}",
    env: { PURLIN_ON_LOAD_FAILURE: "stay", PURLIN_SECRET_API_KEY: "sk-do-not-tell" },
    ready: false,
  });
  await assert.rejects(model.runtime.ready, (error: Error) => !String(error.message).includes("do-not-tell"));
  const ready = await (await fetch(`${model.url}/health/ready`)).text();
  const predict = await (await model.predict(0)).text();
  await until(() => model.logText().includes("***"));
  for (const told of [ready, predict, JSON.stringify(model.events), model.logText()]) {
    assert.match(told, /\*\*\*/);
    assert.doesNotMatch(told, /do-not-tell/);
  }
});

test("an example that throws fails the load with what was thrown and where", async (t) => {
  const config = "examples:\n  - name: first\n    input: {text: x}\n";
  const plain = `export class Model {
    predict(input) { return this.shout(input.txt); }
    shout(text) { return text.toUpperCase(); }
  }`;
  const streaming = `export class Model {
    async *predict() { yield "a"; throw new RangeError("half-way", { cause: new Error("no more room") }); }
  }`;
  const first = await failing(t, plain, { config });
  assert.match(
    first.message,
    /example "first" failed: TypeError: Cannot read properties of undefined \(reading 'toUpperCase'\)/,
  );
  const stack = first.model.events.findLast((event) => event.type === "failed")?.stack ?? "";
  assert.match(stack, /Model\.shout[^]*Model\.predict/);
  const second = await failing(t, streaming, { config });
  assert.match(second.message, /example "first" failed: RangeError: half-way/);
});
