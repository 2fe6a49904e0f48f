// Model contract §6: counters of user code never fall, whatever happens to the process that counted.
import assert from "node:assert/strict";
import { test } from "node:test";
import { readMetric } from "../helpers/read-metric.ts";
import { runModel } from "../helpers/run-model.ts";
import { until } from "../helpers/until.ts";

const MODEL = `
let hits = 0;
globalThis[Symbol.for("purlin.prometheus")] = {
  async getMetricsAsJSON() { return [{ name: "hits_total", help: "Hits.", type: "counter", values: [{ value: hits, labels: {} }] }]; },
};
export class Model {
  predict(x) {
    if (x === "die") process.exit(1);
    hits += 1;
    if (x === "say") console.log("said");
    if (x === "spin") { console.log("spins"); for (const end = Date.now() + 2500; Date.now() < end; ); }
  }
}`;

test("a process too busy to be asked keeps the counts that it gave last", async (t) => {
  const model = await runModel(t, MODEL);
  await model.predict(1);
  assert.equal(await readMetric(model.url, "hits_total"), 1);
  const spinning = model.predict("spin");
  await until(() => model.logs().some(({ message }) => message === "spins"));
  const began = performance.now();
  assert.equal(await readMetric(model.url, "hits_total"), 1);
  assert.ok(performance.now() - began < 800, `the page took ${performance.now() - began} ms`);
  await spinning;
  assert.equal(await readMetric(model.url, "hits_total"), 2);
});

test("the counts of a process that died stay in the sum, as they were seen last", async (t) => {
  const model = await runModel(t, MODEL);
  await model.predict(1);
  assert.equal(await readMetric(model.url, "hits_total"), 1);
  assert.equal((await model.predict("die")).status, 503);
  await until(async () => (await model.predict(1)).ok);
  assert.equal(await readMetric(model.url, "hits_total"), 2);
});

test("metrics whose code throws keep what they said last; it is told once, and the page stays", async (t) => {
  const broken = MODEL.replace("return [", 'if (hits === 2) throw new Error("no figures"); return [');
  const model = await runModel(t, broken);
  await model.predict(1);
  assert.equal(await readMetric(model.url, "hits_total"), 1);
  await model.predict(1);
  for (let i = 0; i < 3; i++) assert.equal(await readMetric(model.url, "hits_total"), 1);
  await model.predict("say");
  // A scrape does not wait for long, and then shows what it was told last.
  await until(async () => (await readMetric(model.url, "hits_total")) === 3);
  // Lines of a process come in order: what it had to tell of its metrics stands before this one.
  await until(() => model.logs().some(({ message }) => message === "said"));
  const told = model.logs().filter(({ message }) => message.includes("no figures"));
  assert.equal(told.length, 1);
});
