// `runtime.poison_limit`: a body that keeps killing the model process is refused, and nobody else is.
import assert from "node:assert/strict";
import { test } from "node:test";
import { readMetric } from "../helpers/read-metric.ts";
import { runModel, writePackage, type RunningModel } from "../helpers/run-model.ts";
import { until } from "../helpers/until.ts";

const MODEL = `
const wait = (ms) => new Promise((r) => setTimeout(r, ms));
let survives = false, hurry = false;
export class Model {
  async predict(input) {
    hurry = input?.hurry ?? hurry;
    if (input?.slow && !hurry) await wait(20_000);
    if (input?.wait) await wait(input.wait);
    if (input?.kill) process.kill(process.pid, "SIGKILL");
    return { answered: input?.id ?? null };
  }
}`;

/** After quick deaths the runtime takes a while before it takes requests again: then it is asked again. */
async function outcome(send: () => Promise<Response>): Promise<string> {
  return until(
    async () => {
      const response = await send();
      if (response.status === 200) return "200";
      const { code } = (await response.json()) as { code: string };
      return code === "MODEL_NOT_READY" ? null : `${response.status} ${code}`;
    },
    { timeout: 30_000 },
  );
}

async function kill(model: RunningModel, input: unknown, times: number): Promise<void> {
  for (let i = 0; i < times; i++)
    assert.equal(await outcome(() => model.predict(input)), "503 MODEL_CRASHED");
}

test("the body that has killed three processes is refused; others, and other methods, are not", async (t) => {
  const model = await runModel(t, MODEL);
  await kill(model, { kill: 1 }, 3);
  assert.equal(await outcome(() => model.predict({ kill: 1 })), "422 POISON_REQUEST");
  assert.equal(await outcome(() => model.predict({ kill: 1 })), "422 POISON_REQUEST");
  assert.equal(await outcome(() => model.predict({ kill: 1, other: true })), "503 MODEL_CRASHED");
  assert.equal(await outcome(() => model.predict({ id: 1 })), "200");
  assert.equal(await readMetric(model.url, "purlin_poison_refusals_total"), 2);
  const told = model.logs().filter(({ code }) => code === "POISON_REQUEST");
  assert.equal(told.filter(({ message }) => message.startsWith("A request body is refused")).length, 1);
  const logged = told.filter(({ message }) => message === "POST /predict 422");
  assert.equal(logged.length, 2, "the line of a refused request has its code");
});

test("it is refused also while the process that it has ended last is not back yet", async (t) => {
  const model = await runModel(
    t,
    MODEL.replace("async predict", "async load() { await wait(700); }\n  async predict"),
  );
  for (let i = 0; i < 3; i++) assert.equal((await model.predict({ kill: 1 })).status, 503);
  const answer = await model.predict({ kill: 1 });
  assert.deepEqual(
    [answer.status, ((await answer.json()) as { code: string }).code],
    [422, "POISON_REQUEST"],
  );
});

test("poison_limit: 0 refuses nothing, 1 after the first death", async (t) => {
  const off = await runModel(t, MODEL, { config: "runtime: {poison_limit: 0}" });
  await kill(off, { kill: 1 }, 4);
  const strict = await runModel(t, MODEL, { config: "runtime: {poison_limit: 1}" });
  await kill(strict, { kill: 1 }, 1);
  assert.equal(await outcome(() => strict.predict({ kill: 1 })), "422 POISON_REQUEST");
});

test("an answer in between clears a body: what was only there when a process died is never refused", async (t) => {
  const model = await runModel(t, MODEL, { config: "runtime: {predict_concurrency: 4}" });
  for (let i = 1; i <= 6; i++) {
    await outcome(() => model.predict({ hurry: false }));
    const innocent = outcome(() => model.predict({ id: "innocent", slow: true }));
    await until(async () => (await readMetric(model.url, "purlin_requests_in_flight")) === 1);
    await outcome(() => model.predict({ kill: i }));
    assert.equal(await innocent, "503 MODEL_CRASHED");
    assert.equal(await outcome(() => model.predict({ hurry: true })), "200");
    assert.equal(await outcome(() => model.predict({ id: "innocent", slow: true })), "200");
  }
});

test("a request that its client gives up on is cleared when its code ends, too", async (t) => {
  const source = MODEL.replace("async predict(input)", "async predict(input, request)").replace(
    "if (input?.wait)",
    'if (input?.hang) await new Promise((resolve) => request.signal.addEventListener("abort", resolve));\n    if (input?.wait)',
  );
  const model = await runModel(t, source, { config: "runtime: {predict_concurrency: 4, poison_limit: 1}" });
  for (let i = 1; i <= 5; i++) {
    await outcome(() => model.predict({ id: 0 }));
    const hangs = outcome(() => model.predict({ hang: true }));
    await until(async () => (await readMetric(model.url, "purlin_requests_in_flight")) === 1);
    await outcome(() => model.predict({ kill: i }));
    assert.equal(await hangs, "503 MODEL_CRASHED");
    await outcome(() => model.predict({ id: 0 }));
    const leaving = new AbortController();
    const left = model.predict({ hang: true }, { signal: leaving.signal }).catch(() => "gone");
    await until(async () => (await readMetric(model.url, "purlin_requests_in_flight")) === 1);
    leaving.abort();
    assert.equal(await left, "gone");
    await until(async () => (await readMetric(model.url, "purlin_requests_in_flight")) === 0);
  }
});

test("a suspect runs alone, so that the one beside it is not lost again", async (t) => {
  const model = await runModel(t, MODEL, { config: "runtime: {predict_concurrency: 4}" });
  const beside = model.predict({ id: 1, wait: 300 });
  await until(async () => (await readMetric(model.url, "purlin_requests_in_flight")) === 1);
  await outcome(() => model.predict({ kill: 1 }));
  await beside;
  for (let i = 0; i < 2; i++) {
    await outcome(() => model.predict({ id: 0 }));
    const innocent = model.predict({ id: 2, wait: 300 });
    assert.equal(await outcome(() => model.predict({ kill: 1 })), "503 MODEL_CRASHED");
    assert.equal((await innocent).status, 200);
  }
});

test("a suspect waits for a process of its own only so long: beside an endless request all others go on", async (t) => {
  const model = await runModel(t, MODEL, { config: "runtime: {predict_concurrency: 4}" });
  const beside = outcome(() => model.predict({ id: "innocent", wait: 300 }));
  await until(async () => (await readMetric(model.url, "purlin_requests_in_flight")) === 1);
  await outcome(() => model.predict({ kill: 1 }));
  await beside;
  assert.equal(await outcome(() => model.predict({ id: 0 })), "200");
  const endless = new AbortController();
  const gone = assert.rejects(model.predict({ slow: true }, { signal: endless.signal }));
  await until(async () => (await readMetric(model.url, "purlin_requests_in_flight")) === 1);
  const began = performance.now();
  const behind = [{ id: "innocent", wait: 300 }, { id: 1 }, { id: 2 }].map((input) => model.predict(input));
  for (const answer of behind) assert.equal((await answer).status, 200);
  assert.ok(performance.now() - began < 10_000, "they waited for the suspect, which waited for nothing");
  endless.abort();
  await gone;
});

test("in a batch the poison is found, and its neighbours go on being served", async (t) => {
  const source = MODEL.replace(
    "async predict(input)",
    "async predictBatch(inputs) { const out = []; for (const i of inputs) out.push(await this.one(i)); return out; }\n  async one(input)",
  );
  const model = await runModel(t, source, { config: "runtime: {batching: {max_size: 16}}" });
  const outcomes = new Map<string, number>();
  let refused = false;
  for (let round = 0; round < 12 && !refused; round++) {
    const inputs = [{ id: "gate", wait: 100 }, { id: 1 }, { kill: 1 }, { id: 2 }, { id: 3 }];
    await outcome(() => model.predict({ id: 0 }));
    const answers = await Promise.all(inputs.map((input) => outcome(() => model.predict(input))));
    refused = answers[2] === "422 POISON_REQUEST";
    for (const [i, answer] of answers.entries())
      outcomes.set(`${i} ${answer}`, (outcomes.get(`${i} ${answer}`) ?? 0) + 1);
  }
  assert.ok(refused, JSON.stringify([...outcomes]));
  for (const name of outcomes.keys()) assert.ok(name.startsWith("2 ") || !name.includes("POISON"), name);
});

test("a large body is known again, too", async (t) => {
  const model = await runModel(t, MODEL, { config: "runtime: {poison_limit: 2}" });
  const large = { kill: 1, padding: "x".repeat(300_000) };
  // Large bodies are not kept: they are looked at from the first death on.
  await kill(model, large, 3);
  assert.equal(await outcome(() => model.predict(large)), "422 POISON_REQUEST");
  assert.equal(await outcome(() => model.predict({ id: 1, padding: "x".repeat(300_000) })), "200");
});

test("new code is given another chance", async (t) => {
  const model = await runModel(t, MODEL, { config: "runtime: {poison_limit: 1}" });
  await kill(model, { kill: 1 }, 1);
  assert.equal(await outcome(() => model.predict({ kill: 1 })), "422 POISON_REQUEST");
  const dir = `${model.dir}-2`;
  await writePackage(
    dir,
    MODEL.replace('process.kill(process.pid, "SIGKILL")', "survives = true"),
    "runtime: {poison_limit: 1}",
  );
  await model.runtime.reload({ dir, digest: "sha256:2" }, "process");
  assert.equal(await outcome(() => model.predict({ kill: 1 })), "200");
});

test("requests that kill again and again do not give the model up: the next good one is answered", async (t) => {
  const model = await runModel(t, MODEL);
  for (let i = 0; i < 9; i++) await kill(model, { kill: 1, i }, 1);
  await until(async () => (await outcome(() => model.predict({ id: 1 }))) === "200", { timeout: 20_000 });
});
