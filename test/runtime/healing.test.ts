// Crashes that meet reloads: in the end there are as many processes as there should be, and none of old code.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { runModel, writePackage, type RunningModel } from "../helpers/run-model.ts";
import { until } from "../helpers/until.ts";

/** predict runs the code that it is sent; loading takes `loadMs`. */
const obedient = (name: string, loadMs = 0): string => `
const AsyncFunction = (async () => {}).constructor;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
export class Model {
  async load() { await sleep(${loadMs}); }
  async predict(code) { return code === "name" ? "${name}" : new AsyncFunction("sleep", code)(sleep); }
}`;

async function reload(model: RunningModel, source: string): Promise<void> {
  const dir = `${model.dir}-next`;
  await writePackage(dir, source);
  await model.runtime.reload({ dir, digest: "sha256:next" }, "process");
}

async function workers(model: RunningModel): Promise<number> {
  const page = await (await fetch(`${model.url}/metrics`)).text();
  return [...page.matchAll(/^purlin_event_loop_lag_seconds\{/gm)].length;
}

/** One model process, and one still after a while in which another would have come. */
async function settlesAtOne(model: RunningModel): Promise<void> {
  await until(async () => (await workers(model)) === 1, { what: "one model process" });
  for (let i = 0; i < 10; i++) {
    await delay(100);
    assert.equal(await workers(model), 1, model.logText().slice(-1000));
  }
  assert.equal(await (await model.predict("name")).json(), "new");
}

const crashed = (model: RunningModel): boolean => model.events.some(({ type }) => type === "crashed");

test("the old process that dies while it finishes its last request is not replaced", async (t) => {
  const model = await runModel(t, obedient("old"));
  const lost = model.predict('console.log("began"); await sleep(700); process.exit(3)');
  await until(() => model.logs().some(({ message }) => message === "began"));
  await reload(model, obedient("new"));
  const answer = await lost;
  assert.deepEqual([answer.status, ((await answer.json()) as { code: string }).code], [503, "MODEL_CRASHED"]);
  await settlesAtOne(model);
});

for (const [name, oldLoadMs, newLoadMs] of [
  ["that is done before the healing process has loaded", 1200, 0],
  ["that is done after the healing process has loaded", 0, 600],
] as const) {
  test(`a reload after a crash, ${name}, leaves its own process only`, async (t) => {
    const model = await runModel(t, obedient("old", oldLoadMs));
    await model.predict("setTimeout(() => process.exit(1), 20)");
    await until(() => crashed(model));
    await reload(model, obedient("new", newLoadMs));
    await settlesAtOne(model);
  });
}

test("a reload while the next attempt at healing waits for its pause leaves its own process only", async (t) => {
  const model = await runModel(t, obedient("old"));
  for (let i = 1; i <= 3; i++) {
    await until(async () => (await model.predict("setTimeout(() => process.exit(1), 20)")).ok);
    await until(() => model.events.filter(({ type }) => type === "crashed").length === i);
  }
  await reload(model, obedient("new"));
  await settlesAtOne(model);
  await delay(1200);
  assert.equal(await workers(model), 1);
});

test("a model that answers between its deaths is never given up, however quickly they follow each other", async (t) => {
  const model = await runModel(t, obedient("new"));
  for (let i = 0; i < 9; i++) {
    // Answered by a process that will be killed from outside, with nothing in it.
    await until(async () => (await model.predict("name")).status === 200, { timeout: 20_000 });
    const [pid] = (await model.pids()).filter((each) => each !== model.runtime.pid);
    process.kill(pid as number, "SIGKILL");
    await until(() => model.events.filter(({ type }) => type === "crashed").length === i + 1);
  }
  await until(async () => (await model.predict("name")).status === 200, { timeout: 20_000 });
});
