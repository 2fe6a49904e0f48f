// Spec deployment.md "three kinds of change", spec cases L16-L17: new code over the control channel, no request lost.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { isAlive } from "../helpers/is-alive.ts";
import { runModel, writePackage, type RunningModel } from "../helpers/run-model.ts";
import { tmpDir } from "../helpers/tmp-dir.ts";
import { until } from "../helpers/until.ts";

/** A model with state that tells its version, how often it was loaded, and its process. */
const version = (name: string, extra = ""): string => `
export class Model {
  load() { this.loads = (this.loads ?? 0) + 1; this.calls = 0; console.log("load of ${name}"); }
  predict() { this.calls += 1; return { version: "${name}", loads: this.loads, calls: this.calls, pid: process.pid }; }
  ${extra}
}`;

interface Answer {
  version: string;
  loads: number;
  calls: number;
  pid: number;
}

async function ask(model: RunningModel): Promise<Answer> {
  const response = await model.predict(null);
  assert.equal(response.status, 200);
  return (await response.json()) as Answer;
}

/** The front and one model process; the generations' folders lie beside the first one, under the same name. */
async function onlyTwoProcesses(model: RunningModel): Promise<void> {
  await until(async () => (await model.pids()).length === 2, { what: "all old processes to be gone" });
}

let generations = 0;
async function reload(
  model: RunningModel,
  kind: "methods" | "process",
  source: string,
  config = "",
): Promise<void> {
  const dir = `${model.dir}-${++generations}`;
  await writePackage(dir, source, config);
  await model.runtime.reload({ dir, digest: `sha256:${generations}` }, kind);
}

test("`methods` puts new code on the loaded instance: its state and its process stay", async (t) => {
  const model = await runModel(t, version("one"));
  await ask(model);
  const before = await ask(model);
  await reload(model, "methods", version("two"));
  const after = await ask(model);
  assert.deepEqual(after, { version: "two", loads: 1, calls: before.calls + 1, pid: before.pid });
});

test("`methods` brings methods and routes that were not there, and takes away what is gone", async (t) => {
  const model = await runModel(t, version("one", "embeddings() { return 'e1'; }"));
  const status = async (path: string): Promise<number> =>
    (await fetch(model.url + path, { method: "POST", body: "1" })).status;
  assert.deepEqual([await status("/v1/embeddings"), await status("/v1/completions")], [200, 404]);
  await reload(model, "methods", version("two", "completions() { return 'c2'; }"));
  assert.deepEqual([await status("/v1/embeddings"), await status("/v1/completions")], [404, 200]);
});

test("`process` loads a new process, then switches; the old one ends after its last request", async (t) => {
  const slow = `export class Model { async predict(ms) { console.log("began"); await new Promise((r) => setTimeout(r, ms ?? 0)); return { version: "slow", pid: process.pid }; } shutdown() { console.log("old one shut down"); } }`;
  const model = await runModel(t, slow);
  const running = model.predict(600);
  await until(() => model.logs().some(({ message }) => message === "began"));
  await reload(model, "process", version("two"));
  const next = await ask(model);
  assert.deepEqual([next.version, next.loads], ["two", 1]);
  const old = (await (await running).json()) as Answer;
  assert.equal(old.version, "slow");
  assert.notEqual(old.pid, next.pid);
  await until(() => !isAlive(old.pid), { what: "the old process to end" });
  await until(() => model.logs().some(({ message }) => message === "old one shut down"));
  const ready = (await (await fetch(`${model.url}/health/ready`)).json()) as { status: string };
  assert.equal(ready.status, "ready");
});

const BROKEN: [name: string, source: string, message: RegExp][] = [
  ["a syntax error", "export class Model { predict( }", /SyntaxError|Unexpected/],
  ["a throw on import", "throw new Error('at the top')", /at the top/],
  ["a rule broken", "export class Model { preprocess() {} }", /predict/],
];

for (const kind of ["methods", "process"] as const) {
  test(`\`${kind}\`: code that is broken is refused with its own message, the old code goes on`, async (t) => {
    const model = await runModel(t, version("good"));
    const { pid } = await ask(model);
    for (const [name, source, message] of BROKEN) {
      await assert.rejects(reload(model, kind, source), message, name);
      const answer = await ask(model);
      assert.deepEqual([answer.version, answer.pid], ["good", pid], name);
    }
    await reload(model, kind, version("mended"));
    assert.equal((await ask(model)).version, "mended");
    await onlyTwoProcesses(model);
  });
}

test("`process`: a load that throws, exits or fails its example leaves the old process serving", async (t) => {
  const model = await runModel(t, version("good"));
  const noRetry = "runtime:\n  load_retries: 0\n";
  const example = `${noRetry}examples:\n  - name: e\n    input: 1\n    output: 2\n`;
  const failing: [source: string, config: string, message: RegExp][] = [
    ["export class Model { load() { throw new Error('no weights') } predict() {} }", noRetry, /no weights/],
    ["export class Model { load() { process.exit(3) } predict() {} }", noRetry, /exit-code-3/],
    ["export class Model { predict() { return 1 } }", example, /expected 2/],
  ];
  for (const [source, config, message] of failing) {
    await assert.rejects(reload(model, "process", source, config), message);
    assert.equal((await ask(model)).version, "good");
  }
});

test("`methods` that cannot be swapped are loaded by a new process, and that is said", async (t) => {
  // As libraries do that register themselves once in a process.
  const once = (name: string): string =>
    `if (globalThis.registered) throw new Error("registered twice"); globalThis.registered = true;${version(name)}`;
  const model = await runModel(t, once("one"));
  const before = await ask(model);
  await reload(model, "methods", once("two"));
  const after = await ask(model);
  assert.deepEqual([after.version, after.loads, after.calls], ["two", 1, 1]);
  assert.notEqual(after.pid, before.pid);
  const reloaded = model.events.findLast((event) => event.type === "reloaded");
  assert.deepEqual(reloaded?.ok === true && reloaded.kind, "process");
  await until(() =>
    model.logs().some(({ message }) => /could not be swapped \(.*registered twice/.test(message)),
  );
  await onlyTwoProcesses(model);
});

test("when one of several processes refuses new methods and no other can be loaded, all keep the old ones", async (t) => {
  const model = await runModel(t, version("old"), { config: "runtime:\n  workers: 3\n" });
  const workers = async (): Promise<Map<number, string>> => {
    const seen = new Map<number, string>();
    await until(async () => {
      for (const answer of await Promise.all(Array.from({ length: 12 }, () => ask(model))))
        seen.set(answer.pid, answer.version);
      return seen.size === 3;
    });
    return seen;
  };
  const before = await workers();
  const refuser = Math.max(...before.keys());
  const source = `if (process.pid === ${refuser}) throw new Error("not in this one");
    export class Model { load() { throw new Error("no weights"); } predict() { return { version: "new", pid: process.pid }; } }`;
  await assert.rejects(
    reload(model, "methods", source, "runtime:\n  workers: 3\n  load_retries: 0\n"),
    /no weights/,
  );
  assert.deepEqual(new Map([...(await workers())].sort()), new Map([...before].sort()));
});

test("a folder that is not there is refused", async (t) => {
  const model = await runModel(t, version("good"));
  for (const kind of ["methods", "process"] as const) {
    await assert.rejects(
      model.runtime.reload({ dir: `${model.dir}-none`, digest: "sha256:0" }, kind),
      /not a package/,
    );
  }
  assert.equal((await ask(model)).version, "good");
});

test("twenty reloads under constant load lose no request, and end with one model process of the last code", async (t) => {
  const model = await runModel(t, version("v0"), { config: "runtime:\n  predict_concurrency: 2\n" });
  const state = { stopped: false };
  const seen = new Map<string, number>();
  const failures: string[] = [];
  const client = async (): Promise<void> => {
    while (!state.stopped) {
      try {
        const response = await model.predict(null);
        const text = await response.text();
        if (response.status !== 200) failures.push(`${response.status} ${text}`);
        else {
          const { version: name } = JSON.parse(text) as Answer;
          seen.set(name, (seen.get(name) ?? 0) + 1);
        }
      } catch (error) {
        failures.push(String((error as Error).cause ?? error));
      }
    }
  };
  const clients = Array.from({ length: 8 }, client);
  for (let i = 1; i <= 20; i++) {
    await reload(
      model,
      i % 2 === 0 ? "methods" : "process",
      version(`v${i}`),
      "runtime:\n  predict_concurrency: 2\n",
    );
    await until(() => (seen.get(`v${i}`) ?? 0) > 0, { what: `an answer of v${i}` });
    await delay(20);
  }
  state.stopped = true;
  await Promise.all(clients);
  assert.deepEqual(failures, []);
  assert.equal((await ask(model)).version, "v20");
  await onlyTwoProcesses(model);
});

test("streams and uploads under way end whole while their process is replaced, and after failed reloads", async (t) => {
  const source = (name: string, extra = ""): string => `
    export class Model {
      static input = { embeddings: "raw" };
      ${extra}
      async *predict(items) { for (let i = 0; i < items; i++) { yield "${name} " + i + ";"; await new Promise((r) => setTimeout(r, 20)); } }
      async embeddings(body, request) {
        let bytes = 0;
        for await (const piece of request.body) bytes += piece.byteLength;
        return { bytes, version: "${name}" };
      }
    }`;
  const config = "runtime:\n  predict_concurrency: 8\n  load_retries: 0\n";
  const model = await runModel(t, source("one"), { config });
  const streams = Array.from({ length: 4 }, async () => (await model.predict(60)).text());
  let left = 40;
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      await delay(30);
      controller.enqueue(new Uint8Array(50_000));
      left -= 1;
      if (left === 0) controller.close();
    },
  });
  const init = { method: "POST", body, duplex: "half" } as RequestInit;
  const upload = fetch(`${model.url}/v1/embeddings`, init).then((response) => response.json());
  await until(() => left < 35);
  const broken = source("two", "load() { throw new Error('no weights'); }");
  await assert.rejects(reload(model, "process", broken, config), /no weights/);
  await reload(model, "process", source("three"), config);
  assert.equal(await (await model.predict(1)).text(), "three 0;");
  await reload(model, "process", source("four"), config);
  assert.ok(left > 0, "the upload is still under way");
  const whole = Array.from({ length: 60 }, (_, i) => `one ${i};`).join("");
  assert.deepEqual(await Promise.all(streams), [whole, whole, whole, whole]);
  assert.deepEqual(await upload, { bytes: 2_000_000, version: "one" });
  await onlyTwoProcesses(model);
});

test("after a crash the reloaded code comes back, not the first", async (t) => {
  const dying = (name: string): string =>
    `export class Model { predict(x) { if (x === "die") process.exit(1); return "${name}"; } }`;
  for (const kind of ["methods", "process"] as const) {
    const model = await runModel(t, dying("one"));
    await reload(model, kind, dying("two"));
    assert.equal((await model.predict("die")).status, 503);
    assert.equal(await (await model.predict(1)).json(), "two", kind);
  }
});

test("`methods` must pass the examples, as after a load, and what passes is what loads", async (t) => {
  const config = 'examples:\n  - { name: one, input: {}, output: { answer: "one" } }\n';
  const source = (answer: string): string => `
    export class Model {
      loaded = 0; seen = 0;
      load() { this.loaded = Math.random(); }
      predict() { this.seen += 1; return { answer: ${JSON.stringify(answer)} }; }
      completions() { return { loaded: this.loaded, seen: this.seen }; }
    }`;
  const model = await runModel(t, source("one"), { config });
  const post = async (path: string): Promise<Record<string, number | string>> =>
    (await (await fetch(model.url + path, { method: "POST", body: "{}" })).json()) as never;
  const state = () => post("/v1/completions");
  const before = await state();
  await assert.rejects(
    reload(model, "methods", source("two"), config),
    /example "one".*expected|not pass its examples/,
  );
  assert.deepEqual(await post("/predict"), { answer: "one" });
  const mended = source("one").replace("return { answer", "const same = true; return { answer");
  await reload(model, "methods", mended, config);
  const after = await state();
  assert.equal(after["loaded"], before["loaded"], "the weights stay");
  assert.equal(
    after["seen"],
    Number(before["seen"]) + 1,
    "examples of a swap leave no trace on what is served",
  );
});

test("a worker that was still loading when methods were swapped does not bring the old code back", async (t) => {
  const source = (name: string): string => `
import { existsSync } from "node:fs";
export class Model {
  async load() { while (process.env.PURLIN_WORKER === "1" && !existsSync(process.env.GATE)) await new Promise((r) => setTimeout(r, 20)); }
  predict() { return { version: "${name}", pid: process.pid }; }
}`;
  const gate = `${await tmpDir(t)}/gate`;
  const config = "runtime: {workers: 2}";
  const model = await runModel(t, source("one"), { config, env: { GATE: gate } });
  await reload(model, "methods", source("two"), config);
  await writeFile(gate, "");
  const versions = new Map<number, string>();
  await until(async () => {
    const { pid, version: found } = await ask(model);
    versions.set(pid, found);
    return versions.size === 2;
  });
  assert.deepEqual([...versions.values()], ["two", "two"]);
});

test("predict becomes predictBatch, and back, under load: by a new process, and no request is lost", async (t) => {
  const single = "export class Model { predict(input) { return input; } }";
  const batch = "export class Model { predictBatch(inputs) { return inputs; } }";
  const model = await runModel(t, batch);
  const over = new AbortController();
  const clients = Array.from({ length: 8 }, async () => {
    while (!over.signal.aborted) {
      const response = await model.predict(1, { signal: AbortSignal.timeout(5000) });
      assert.equal(response.status, 200);
      await response.text();
    }
  });
  for (const source of [single, batch, single, batch]) {
    await reload(model, "methods", source);
    const last = model.events.findLast((event) => event.type === "reloaded");
    assert.equal(last?.ok === true && last.kind, "process");
  }
  over.abort();
  await Promise.all(clients);
});
