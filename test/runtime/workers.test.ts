// Contract §2: several model processes. Load is spread, a death costs one of them, each has its place and its devices.
import assert from "node:assert/strict";
import { test } from "node:test";
import { devicesOf, placementEnv } from "../../src/runtime/front/devices.ts";
import { readMetric } from "../helpers/read-metric.ts";
import { runModel, type RunningModel } from "../helpers/run-model.ts";
import { until } from "../helpers/until.ts";

const MODEL = `
const wait = (ms) => new Promise((r) => setTimeout(r, ms));
export class Model {
  async predict(input) {
    if (input?.exit) process.exit(3);
    if (input?.sleep) await wait(input.sleep);
    return { pid: process.pid, place: process.env.PURLIN_WORKER, devices: process.env.CUDA_VISIBLE_DEVICES ?? null };
  }
}`;

interface Answer {
  pid: number;
  place: string;
  devices: string | null;
}

const ask = async (model: RunningModel, input: unknown = null): Promise<Answer> =>
  (await (await model.predict(input)).json()) as Answer;
const allReady = (model: RunningModel, workers: number): Promise<true> =>
  until(
    async () =>
      (await (await fetch(`${model.url}/metrics`)).text()).split('state="ready"').length === workers + 1,
  );

function spread(answers: Answer[]): number {
  const counts = new Map<number, number>();
  for (const { pid } of answers) counts.set(pid, (counts.get(pid) ?? 0) + 1);
  return Math.max(...counts.values()) / Math.min(...counts.values());
}

test("requests go to the process with least to do: 300 of them, one by one and many at once, are spread evenly", async (t) => {
  const model = await runModel(t, MODEL, { config: "runtime: {workers: 3}" });
  await allReady(model, 3);
  const alone: Answer[] = [];
  for (let i = 0; i < 60; i++) alone.push(await ask(model));
  assert.equal(new Set(alone.map(({ pid }) => pid)).size, 3);
  assert.ok(spread(alone) <= 1.2, `one by one: ${spread(alone)}`);
  const crowd = (
    await Promise.all(
      Array.from({ length: 12 }, async () => {
        const own: Answer[] = [];
        for (let i = 0; i < 20; i++) own.push(await ask(model, { sleep: 1 + (i % 7) }));
        return own;
      }),
    )
  ).flat();
  assert.ok(spread(crowd) < 1.5, `together: ${spread(crowd)}`);
});

test("a long request holds up nobody while another process is free", async (t) => {
  const model = await runModel(t, MODEL, { config: "runtime: {workers: 2}" });
  await allReady(model, 2);
  const long = ask(model, { sleep: 3000 });
  await until(async () => (await readMetric(model.url, "purlin_requests_in_flight")) === 1);
  const began = performance.now();
  const quick = [await ask(model), await ask(model), await ask(model)];
  assert.ok(performance.now() - began < 2500);
  assert.notEqual(quick[0]?.pid, (await long).pid);
});

test("one process's death leaves the others serving and readiness true; its successor has its place", async (t) => {
  const model = await runModel(t, MODEL, { config: "runtime: {workers: 2}" });
  await allReady(model, 2);
  const before = [await ask(model), await ask(model)];
  const victim = before[1] as Answer;
  process.kill(victim.pid, "SIGKILL");
  const deaths = 'purlin_model_restarts_total{reason="SIGKILL"}';
  await until(async () => (await readMetric(model.url, deaths)) === 1, { interval: 5 });
  for (let i = 0; i < 20; i++) {
    assert.equal((await model.predict(null)).status, 200);
    assert.equal((await fetch(`${model.url}/health/ready`)).status, 200);
  }
  await allReady(model, 2);
  const after = [await ask(model), await ask(model)];
  assert.deepEqual(after.map(({ place }) => place).sort(), ["0", "1"]);
  assert.ok(after.every(({ pid }) => pid !== victim.pid));
});

test("each worker sees its own share of the accelerators, and the metrics say which", async (t) => {
  const model = await runModel(t, MODEL, {
    config: 'runtime: {workers: 2}\nresources: {accelerator: "H100:4"}',
  });
  await allReady(model, 2);
  const answers = [await ask(model), await ask(model)].sort((a, b) => a.place.localeCompare(b.place));
  assert.deepEqual(
    answers.map(({ devices }) => devices),
    ["0,1", "2,3"],
  );
  const page = await (await fetch(`${model.url}/metrics`)).text();
  assert.match(page, /purlin_worker_info\{worker="\d",place="1",devices="2,3",state="ready"\} 1/);
});

test("CUDA_VISIBLE_DEVICES of the user stands, wherever it was set", async (t) => {
  const accelerator = 'resources: {accelerator: "H100:2"}\nruntime: {workers: 2}\n';
  const outside = await runModel(t, MODEL, { config: accelerator, env: { CUDA_VISIBLE_DEVICES: "1" } });
  assert.equal((await ask(outside)).devices, "1");
  const inside = await runModel(t, MODEL, {
    config: `${accelerator}environment_variables: {CUDA_VISIBLE_DEVICES: "GPU-7"}`,
  });
  assert.equal((await ask(inside)).devices, "GPU-7");
});

test("the map from workers to devices", () => {
  const map = (workers: number, accelerator: string | null, places = workers): (number[] | null)[] =>
    Array.from({ length: places }, (_, place) => devicesOf({ place, workers, accelerator }));
  assert.deepEqual(map(2, "A100:2"), [[0], [1]]);
  assert.deepEqual(map(4, "A100:2"), [[0], [1], [0], [1]]);
  assert.deepEqual(map(3, "A100:4"), [[0], [1], [2]]);
  assert.deepEqual(map(2, "A100:2", 3), [[0], [1], [0]], "a spare shares with the first");
  assert.deepEqual(map(2, "A100"), [[0], [0]]);
  assert.deepEqual(map(1, "A100:2"), [null], "one worker has them all");
  assert.deepEqual(map(2, null), [null, null]);
  assert.deepEqual(
    placementEnv({ place: 0, workers: 2, accelerator: "A100:2" }, { CUDA_VISIBLE_DEVICES: "" }),
    {
      PURLIN_WORKER: "0",
    },
  );
});
