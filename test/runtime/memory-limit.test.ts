// Contract: `runtime.memory_limit`. A model process over it is replaced, and nobody who calls it notices.
import assert from "node:assert/strict";
import { symlink } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { memoryLimit } from "../../src/runtime/front/memory-limit.ts";
import { askPs, treeMemory, treesOf } from "../../src/runtime/front/tree-memory.ts";
import { bundleProject, makeProject, textOf } from "../helpers/build-project.ts";
import { constantClients } from "../helpers/constant-clients.ts";
import { isAlive } from "../helpers/is-alive.ts";
import { makeTree } from "../helpers/make-tree.ts";
import { readMetric } from "../helpers/read-metric.ts";
import { runModel, type RunningModel } from "../helpers/run-model.ts";
import { until } from "../helpers/until.ts";

const MIB = 1024 ** 2;
const RESTARTS = 'purlin_model_restarts_total{reason="memory-limit"}';

/** Keeps 2 MiB of each request, outside the heap, as native code would. */
const LEAKY = `
import { Counter } from "prom-client";
const calls = new Counter({ name: "calls_total", help: "Calls." });
const kept: Buffer[] = [];
export class Model {
  async predict(input: { stream?: boolean }) {
    if (input?.stream) return this.items();
    calls.inc();
    kept.push(Buffer.alloc(2 * 1024 * 1024, 1));
    await new Promise((resolve) => setTimeout(resolve, 10));
    return process.pid;
  }
  async *items() {
    for (let i = 0; i < 60; i++) { yield { i, pid: process.pid }; await new Promise((resolve) => setTimeout(resolve, 50)); }
  }
  shutdown() { console.log("put away by " + process.pid); }
}`;

async function bundled(t: TestContext, source: string): Promise<string> {
  const project = await makeProject(t, { "model/model.ts": source });
  await makeTree(project, { "package.json": '{"type":"module","dependencies":{"prom-client":"15.1.3"}}' });
  await symlink(fileURLToPath(new URL("../../node_modules", import.meta.url)), join(project, "node_modules"));
  return textOf(await bundleProject(project));
}

const restarts = async (model: RunningModel): Promise<number> => {
  const count = await readMetric(model.url, RESTARTS);
  return Number.isNaN(count) ? 0 : count;
};

test("a leaking model is replaced again and again under load: no request fails, a stream ends whole, counts are exact", async (t) => {
  const model = await runModel(t, await bundled(t, LEAKY), {
    config: "runtime: { memory_limit: 160MiB, predict_concurrency: 2 }",
  });
  const pids = new Set<number>();
  let answered = 0;
  const clients = constantClients(
    async () => {
      const response = await model.predict({});
      if (response.status === 200) pids.add((await response.clone().json()) as number);
      answered += 1;
      return response;
    },
    { count: 3 },
  );
  t.after(() => clients.stop());
  const streamed = model.predict({ stream: true }).then((response) => response.text());
  await until(async () => (await restarts(model)) >= 3 && pids.size >= 4, {
    timeout: 60_000,
    what: "three replacements",
  });
  const items = (await streamed)
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { i: number; pid: number });
  const { asked, failures } = await clients.stop();

  assert.deepEqual(failures, []);
  assert.ok(pids.size >= 4, `${pids.size} processes have answered`);
  assert.deepEqual([items.length, items.at(-1)?.i], [60, 59]);
  const ended = items[0]?.pid as number;
  assert.notEqual([...pids].at(-1), ended, "the stream ran while its process was replaced");
  await until(() => !isAlive(ended), { what: "the process of the stream to end after it" });
  assert.ok(model.logText().includes(`put away by ${ended}`), "shutdown() runs");
  await until(async () => (await readMetric(model.url, "calls_total")) === answered, {
    what: "exact counts",
  });
  const replaced = model.logs().filter(({ message }) => message.includes("over its memory limit of 160 MiB"));
  assert.ok(replaced.length >= 3);
  for (const { level, rss, limit, worker } of replaced) {
    assert.equal(level, "warn");
    assert.ok(Number(rss) > Number(limit) && limit === 160 * MIB && Number(worker) >= 1);
  }
  t.diagnostic(`${asked} requests over ${await restarts(model)} replacements`);
  await until(async () => (await model.pids()).length === 2, { what: "the front and one model process" });
});

test("a model that is over its limit when it has loaded serves, is not replaced for that, and says so once", async (t) => {
  const model = await runModel(
    t,
    `const weights = Buffer.alloc(150 * 1024 * 1024, 1);
     export class Model { predict() { return [process.pid, weights.length]; } }`,
    { config: "runtime: { memory_limit: 100MiB, workers: 2 }" },
  );
  const said = (): number =>
    model.logs().filter(({ message }) => message.startsWith("The model needs")).length;
  await until(() => said() > 0, { what: "the limit to be called too low" });
  const clients = constantClients(() => model.predict({}), { count: 2 });
  const began = performance.now();
  await until(() => performance.now() - began > 4500, { what: "four more looks at each process" });
  assert.deepEqual((await clients.stop()).failures, []);
  assert.equal(await restarts(model), 0);
  assert.equal(said(), 1);
  const [line] = model.logs().filter(({ message }) => message.startsWith("The model needs"));
  assert.equal(line?.level, "error");
  assert.match(
    line?.message ?? "",
    /over its memory limit of 100 MiB \(runtime\.memory_limit\).*Raise runtime\.memory_limit/,
  );
  assert.equal((await model.pids()).length, 3);
});

test("where no fresh process can be loaded, the one over its limit goes on serving, and the reason is told", async (t) => {
  const model = await runModel(
    t,
    `import { existsSync, writeFileSync } from "node:fs";
     const kept = [];
     export class Model {
       constructor({ dataDir }) { this.flag = dataDir + "/loaded"; }
       load() { if (existsSync(this.flag)) throw new Error("one load a day"); writeFileSync(this.flag, ""); }
       predict() { kept.push(Buffer.alloc(20 * 1024 * 1024, 1)); return process.pid; }
     }`,
    { config: "runtime: { memory_limit: 160MiB, load_retries: 0 }" },
  );
  const pid = (await (await model.predict({})).json()) as number;
  for (let i = 0; i < 10; i++) await model.predict({});
  const stays = (): boolean =>
    model
      .logs()
      .some(({ message }) => /stays: no fresh one could be loaded \(Error: one load a day\)/.test(message));
  await until(stays, { what: () => `the reason to be told; ${model.logText()}` });
  const response = await model.predict({});
  assert.deepEqual([response.status, await response.json()], [200, pid]);
  assert.equal((await fetch(`${model.url}/health/ready`)).status, 200);
  assert.equal(await restarts(model), 0);
  await until(async () => (await model.pids()).length === 2, { what: "nothing to be left of the attempt" });
});

test("a process that computes is measured all the same, and so is what it has started", async (t) => {
  const model = await runModel(
    t,
    `import { spawn } from "node:child_process";
     export class Model {
       async predict(input) {
         const child = spawn(process.execPath, ["-e", "globalThis.kept = Buffer.alloc(150 * 1024 * 1024, 1); setInterval(() => {}, 1000)"], { cwd: "/" });
         await new Promise((resolve) => child.on("spawn", resolve));
         const end = Date.now() + 4000;
         while (Date.now() < end);
         return child.pid;
       }
     }`,
    { config: "runtime: { memory_limit: 190MiB }" },
  );
  const answer = model.predict({});
  await until(async () => (await restarts(model)) === 1, { what: "a replacement", timeout: 20_000 });
  const response = await answer;
  assert.equal(response.status, 200);
  const child = (await response.json()) as number;
  await until(() => !isAlive(child), { what: "what the old process had started to end with it" });
});

test("without a limit of its own, a model has what resources.memory leaves it", async (t) => {
  const model = await runModel(
    t,
    `const kept = [];
     export class Model { predict() { kept.push(Buffer.alloc(20 * 1024 * 1024, 1)); return kept.length; } }`,
    { config: "resources: { memory: 400Mi }" },
  );
  for (let i = 0; i < 16; i++) assert.equal((await model.predict({})).status, 200);
  await until(async () => (await restarts(model)) === 1, { what: "a replacement" });
  const [line] = model.logs().filter(({ message }) => message.includes("a fresh one takes over"));
  assert.match(line?.message ?? "", /\(resources\.memory\)/);
  assert.ok(Number(line?.["limit"]) > 200 * MIB && Number(line?.["limit"]) < 350 * MIB, JSON.stringify(line));
  assert.equal(await (await model.predict({})).json(), 1, "the fresh process answers");
});

test("without room for a fresh process, or with resources.memory at its default, ordinary models have their peace", () => {
  const runtime = { memory_limit: null } as Parameters<typeof memoryLimit>[0]["runtime"];
  const of = (memory: string, loaded: number, workers = 1): number | null =>
    memoryLimit(
      { runtime, resources: { cpu: "1", memory, accelerator: null } },
      { front: 60 * MIB, loaded: loaded * MIB, workers },
    )?.bytes ?? null;
  assert.equal(of("2Gi", 100), (2048 - 60 - 100) * MIB);
  assert.equal(of("2Gi", 100, 4), ((2048 - 60 - 100) / 4) * MIB);
  // Two of them do not fit: the kernel's limit is the only one.
  assert.equal(of("2Gi", 1200), null);
  const own = memoryLimit(
    { runtime: { ...runtime, memory_limit: 5 }, resources: { cpu: "1", memory: "2Gi", accelerator: null } },
    { front: 1, loaded: 1, workers: 1 },
  );
  assert.deepEqual(own, { bytes: 5, from: "runtime.memory_limit" });
});

test("the memory of a tree of processes is told by ps as by /proc", async () => {
  const lines = " 1 0 100\n  20 1 7\n 21 20 3\n 22 21 1\nrubbish\n 30 1 50\n";
  assert.deepEqual(
    [...treesOf(lines, [20, 30, 99])],
    [
      [20, 11 * 1024],
      [30, 50 * 1024],
    ],
  );
  for (const ask of [treeMemory(), askPs()]) {
    const told = await ask([process.pid, 2 ** 22 + 1]);
    assert.deepEqual([...told.keys()], [process.pid]);
    const rss = process.memoryUsage.rss();
    const bytes = told.get(process.pid) ?? 0;
    // With what this process has started: esbuild's service, `ps` itself.
    assert.ok(bytes > rss * 0.7 && bytes < rss * 10, `${bytes} of ${rss}`);
  }
});
