// What user code and callers can do to a batch: whatever it is, no caller waits for ever and no slot is lost.
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { readMetric } from "../helpers/read-metric.ts";
import { runModel, type RunningModel } from "../helpers/run-model.ts";
import { until } from "../helpers/until.ts";

/** A caller that is not answered fails its test instead of holding it up. */
const IN_TIME = { timeout: 20_000 };
const BATCHING = "runtime: {batching: {max_size: 8, max_wait_ms: 0}, cancel_grace_seconds: 60}";

async function run(t: TestContext, members: string): Promise<RunningModel> {
  return runModel(t, `export class Model { ${members} }`, { config: BATCHING });
}

/** Nothing is held, and the model goes on. */
async function isFree(model: RunningModel): Promise<void> {
  await until(async () => (await readMetric(model.url, "purlin_requests_in_flight")) === 0);
  const response = await model.predict({ id: "after" }, { signal: AbortSignal.timeout(3000) });
  assert.deepEqual(await response.json(), { id: "after" });
  assert.equal(await readMetric(model.url, "purlin_model_restarts_total"), Number.NaN);
}

/** The first call takes the slot; the others become the next batch. */
async function together(model: RunningModel, inputs: unknown[], init?: RequestInit): Promise<number[]> {
  const first = model.predict({ id: "first", wait: 300 });
  await until(async () => (await readMetric(model.url, "purlin_requests_in_flight")) === 1);
  const rows = inputs.map((input) => model.predict(input, init));
  await first;
  return Promise.all(rows.map(async (row) => (await row).status));
}

const ECHO = `async predictBatch(inputs) {
  const wait = Math.max(0, ...inputs.map((input) => input.wait ?? 0));
  if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
  return inputs.map(make); }`;

test(
  "rows leave while another row's input is still being checked: the others have their answers",
  IN_TIME,
  async (t) => {
    const model = await run(
      t,
      `static input = { "~standard": { version: 1, vendor: "t", async validate(value) {
       if (value.check) { console.log("checking"); await new Promise((resolve) => setTimeout(resolve, value.check)); }
       return { value };
     } } };
     predictBatch(inputs) { return inputs; }`,
    );
    const first = model.predict({ id: "first", check: 200 });
    await until(() => model.logText().includes("checking"));
    const slow = model.predict({ id: "slow", check: 400 });
    const leaving = new AbortController();
    const left = assert.rejects(model.predict({ id: "leaves" }, { signal: leaving.signal }));
    const stays = model.predict({ id: "stays" });
    await first;
    await until(() => model.logText().split("checking").length === 3);
    leaving.abort();
    await left;
    for (const answer of [slow, stays]) assert.equal((await answer).status, 200);
    await isFree(model);
  },
);

test("the inputs of a batch are checked side by side, and its rows stay in order", IN_TIME, async (t) => {
  const model = await run(
    t,
    `static input = { "~standard": { version: 1, vendor: "t", async validate(value) {
       Model.checking = (Model.checking ?? 0) + 1;
       Model.most = Math.max(Model.most ?? 0, Model.checking);
       await new Promise((resolve) => setTimeout(resolve, value.check ?? 0));
       Model.checking -= 1;
       return { value };
     } } };
     predictBatch(inputs) {
       return inputs.map(({ id }) => ({ id, with: inputs.map(({ id }) => id), most: Model.most }));
     }`,
  );
  // The others gather behind this one.
  const first = model.predict({ id: 0, check: 3000 });
  await until(async () => (await readMetric(model.url, "purlin_requests_in_flight")) === 1);
  const rows: Promise<Response>[] = [];
  for (let id = 1; id <= 4; id++) {
    rows.push(model.predict({ id, check: 500 - 100 * id }));
    await until(async () => (await readMetric(model.url, "purlin_requests_in_flight")) === 1 + id);
  }
  await first;
  const answers = await Promise.all(
    rows.map(async (row) => (await row).json() as Promise<{ with: number[]; most: number }>),
  );
  for (const { with: others, most } of answers) assert.deepEqual([others, most], [[1, 2, 3, 4], 4]);
});

test("rows that user code made to throw at every look fail alone", IN_TIME, async (t) => {
  const model = await run(
    t,
    `${ECHO} }
     const no = () => { throw new Error("hands off"); };
     function make(input) {
       switch (input.make) {
         case "then": return { get then() { throw new Error("no then"); } };
         case "proxy": return new Proxy({}, { get: no, has: no, getPrototypeOf: no, ownKeys: no });
         case "revoked": { const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); return proxy; }
         case "promise": return Promise.reject(new Error("later"));
         case "endless": return (function* () { for (;;) yield 1; })();
         default: return { id: input.id };
       }
     }
     class Unused {`,
  );
  const kinds = ["then", "proxy", "revoked", "promise", "endless"];
  const rows = [...kinds.map((kind) => ({ make: kind })), { id: 1 }];
  const statuses = await together(model, rows, { signal: AbortSignal.timeout(5000) });
  assert.deepEqual(statuses.slice(1), [500, 500, 500, 500, 200]);
  await isFree(model);
});

test("lists that throw, are too short, or are none: every row says so", IN_TIME, async (t) => {
  const model = await run(
    t,
    `async predictBatch(inputs) {
       const wait = Math.max(0, ...inputs.map((input) => input.wait ?? 0));
       if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
       const kind = inputs[0].kind;
       if (kind === "getter") return Object.defineProperty([...inputs], 0, { get() { throw new Error("no") } });
       if (kind === "proxy") return new Proxy(inputs, { get(target, key) { if (key === "1") throw new Error("no"); return target[key]; } });
       if (kind === "sparse") return new Array(inputs.length);
       if (kind === "short") inputs.length = 1;
       if (kind === "thenable") return { then(resolve) { resolve(inputs); resolve(null); throw new Error("late"); } };
       return kind === "null" ? null : inputs; }`,
  );
  const expected: Record<string, number[]> = {
    getter: [200, 500],
    proxy: [200, 500],
    sparse: [200, 200],
    short: [500, 500],
    thenable: [200, 200],
    null: [500, 500],
  };
  for (const [kind, statuses] of Object.entries(expected)) {
    const rows = [{ kind }, { kind }];
    const found = await together(model, rows, { signal: AbortSignal.timeout(5000) });
    assert.deepEqual(
      found.sort((a, b) => a - b),
      statuses,
      kind,
    );
  }
  await isFree(model);
});
