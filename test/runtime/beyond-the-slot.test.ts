// Around the slot, in preprocess and postprocess, user code runs too: there it must be bounded and answered for as in predict.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { readMetric } from "../helpers/read-metric.ts";
import { runModel, type RunningModel } from "../helpers/run-model.ts";
import { tmpDir } from "../helpers/tmp-dir.ts";
import { until } from "../helpers/until.ts";

const DIES = `
import { appendFileSync } from "node:fs";
function step(name, input) {
  if (input.die !== name) return;
  appendFileSync(process.env.DEATHS, name + "\\n");
  process.kill(process.pid, "SIGKILL");
}`;
const PLAIN = "predict(input) { step('predict', input); return input; }";
const BATCH = "predictBatch(inputs) { for (const input of inputs) step('predict', input); return inputs; }";
const PRE = "preprocess(input) { step('preprocess', input); return input; }";
const POST =
  "async postprocess(input) { await new Promise(setImmediate); step('postprocess', input); return input; }";
const BATCHING = "runtime: {batching: {max_size: 4, max_wait_ms: 1}}";

async function status(model: RunningModel, input: unknown): Promise<string> {
  return until(
    async () => {
      const response = await model.predict(input);
      if (response.status === 200) return "200";
      const { code } = (await response.json()) as { code: string };
      return code === "MODEL_NOT_READY" ? null : code;
    },
    { timeout: 30_000 },
  );
}

for (const [kind, main, config] of [
  ["predict", PLAIN, ""],
  ["predictBatch", BATCH, BATCHING],
] as const) {
  for (const at of ["preprocess", "predict", "postprocess"] as const) {
    const hooks = { preprocess: PRE, predict: "", postprocess: POST }[at];
    test(`a body that kills in ${at} of a model with ${kind} is run once for each request, and refused after three`, async (t) => {
      const deaths = join(await tmpDir(t), "deaths");
      const model = await runModel(t, `${DIES}\nexport class Model { ${main} ${hooks} }`, {
        config,
        env: { DEATHS: deaths },
      });
      for (let i = 1; i <= 3; i++) {
        assert.equal(await status(model, { die: at }), "MODEL_CRASHED");
        assert.equal((await readFile(deaths, "utf8")).trim().split("\n").length, i);
      }
      assert.equal(await status(model, { die: at }), "POISON_REQUEST");
      assert.equal(await status(model, {}), "200");
      assert.equal(await readMetric(model.url, "purlin_requests_in_flight"), 0);
    });
  }
}

test("a postprocess that does not end for a client that has gone costs its process, in batches too", async (t) => {
  const source = `export class Model {
    predictBatch(inputs) { return inputs; }
    postprocess(input) { return input === "hang" ? new Promise(() => undefined) : process.pid; } }`;
  const model = await runModel(t, source, {
    config: "runtime: {batching: {max_size: 4, max_wait_ms: 1}, cancel_grace_seconds: 0.2}",
  });
  const before = await (await model.predict(1)).json();
  await assert.rejects(model.predict("hang", { signal: AbortSignal.timeout(200) }));
  await until(async () => (await readMetric(model.url, "purlin_requests_in_flight")) === 0);
  assert.notEqual(await (await model.predict(1)).json(), before);
});
