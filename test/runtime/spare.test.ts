// Contract §5 and `runtime.spare`: cancellation of any code within a stated time, and a loaded process that takes over.
import assert from "node:assert/strict";
import { test } from "node:test";
import { readMetric } from "../helpers/read-metric.ts";
import { runModel, writePackage, type RunningModel } from "../helpers/run-model.ts";
import { until } from "../helpers/until.ts";

/** Loads for a while; blocks its thread in native code, or for ever in JavaScript, when asked to. */
const MODEL = `
const wait = (ms) => new Promise((r) => setTimeout(r, ms));
export class Model {
  async load() { await wait(1500); }
  async predict(input) {
    if (input?.native) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    if (input?.spin) for (;;);
    if (input?.exit) process.exit(5);
    if (input?.sleep) await wait(input.sleep);
    return process.pid;
  }
  completions() { return "one"; }
}`;
const CONFIG = "runtime:\n  spare: true\n  cancel_grace_seconds: 0.5\n";

const pidOf = async (model: RunningModel): Promise<number> =>
  Number(await (await model.predict(null)).json());
const state = async ({ url }: RunningModel, name: string): Promise<number> => {
  const page = await (await fetch(`${url}/metrics`)).text();
  return page
    .split("\n")
    .filter((line) => line.startsWith("purlin_worker_info") && line.includes(`state="${name}"`)).length;
};
const spareWaits = (model: RunningModel): Promise<true> =>
  until(async () => (await state(model, "spare")) === 1, { what: "a spare that has loaded" });

for (const kind of ["native", "spin"]) {
  test(`a cancelled ${kind} call frees its slot within the grace, because the spare takes over`, async (t) => {
    const model = await runModel(t, MODEL, { config: CONFIG });
    const before = await pidOf(model);
    await spareWaits(model);
    const leaving = new AbortController();
    const gone = model.predict({ [kind]: true }, { signal: leaving.signal }).catch(() => "gone");
    await until(async () => (await readMetric(model.url, "purlin_requests_in_flight")) === 1);
    const next = pidOf(model);
    const left = performance.now();
    leaving.abort();
    assert.equal(await gone, "gone");
    assert.notEqual(await next, before);
    // Half a second of grace; a load would take 1.5 s more.
    const took = performance.now() - left;
    assert.ok(took < 1900, `${took} ms`);
    await until(async () => (await state(model, "spare")) === 1, { what: "the next spare" });
    await until(async () => (await model.pids()).length === 3, { what: "the stuck process to be gone" });
    assert.equal(await readMetric(model.url, 'purlin_model_restarts_total{reason="cancelled-request"}'), 1);
  });
}

test("a process that dies is followed by the spare at once, and requests that wait are answered by it", async (t) => {
  const model = await runModel(t, MODEL, { config: CONFIG });
  await spareWaits(model);
  const lost = model.predict({ exit: true });
  const waiting = pidOf(model);
  assert.equal((await lost).status, 503);
  const began = performance.now();
  await waiting;
  assert.ok(performance.now() - began < 1400, "it waited for a load");
  assert.equal((await fetch(`${model.url}/health/ready`)).status, 200);
});

test("a spare that dies costs nothing and is replaced", async (t) => {
  const model = await runModel(t, MODEL, { config: CONFIG });
  const serving = await pidOf(model);
  await spareWaits(model);
  const spare = (await model.pids()).find((pid) => pid !== serving && pid !== model.runtime.pid);
  process.kill(spare as number, "SIGKILL");
  await until(async () => (await state(model, "spare")) === 0);
  assert.equal(await pidOf(model), serving);
  await spareWaits(model);
});

test("reloads leave a spare of the new code, whichever way they came", async (t) => {
  const model = await runModel(t, MODEL, { config: CONFIG });
  await spareWaits(model);
  for (const [i, kind] of (["methods", "process"] as const).entries()) {
    const dir = `${model.dir}-${i}`;
    await writePackage(dir, MODEL.replace('"one"', `"${kind}"`), CONFIG);
    await model.runtime.reload({ dir, digest: `sha256:${i}` }, kind, { strict: kind === "methods" });
    await spareWaits(model);
    assert.equal((await model.predict({ exit: true })).status, 503);
    const answer = await fetch(`${model.url}/v1/completions`, { method: "POST", body: "null" });
    assert.equal(await answer.json(), kind);
    await spareWaits(model);
  }
});

test("without `spare` there is none, and the spare of a runtime that stops ends with it", async (t) => {
  const plain = await runModel(t, MODEL);
  assert.equal((await plain.pids()).length, 2);
  const model = await runModel(t, MODEL, { config: CONFIG });
  await spareWaits(model);
  await model.runtime.stop();
  assert.deepEqual(await model.pids(), []);
});
