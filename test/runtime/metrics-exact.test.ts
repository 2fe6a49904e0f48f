// Model contract §6: the sum over model processes is exact, also when processes are killed or replaced on the way.
import assert from "node:assert/strict";
import { test } from "node:test";
import { bundleProject, makeProject, textOf } from "../helpers/build-project.ts";
import { makeTree } from "../helpers/make-tree.ts";
import { runModel, type RunningModel } from "../helpers/run-model.ts";
import { until } from "../helpers/until.ts";
import { symlink } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** All samples of the page, by name and labels. */
async function page({ url }: RunningModel): Promise<Map<string, number>> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  const samples = lines.map((line): [string, number] => {
    const cut = line.lastIndexOf(" ");
    return [line.slice(0, cut), Number(line.slice(cut + 1))];
  });
  assert.equal(new Set(samples.map(([name]) => name)).size, samples.length, "no sample is there twice");
  return new Map(samples);
}

const sumOf = (samples: Map<string, number>, prefix: string): number =>
  [...samples].filter(([name]) => name.startsWith(prefix)).reduce((sum, [, value]) => sum + value, 0);

test("every request is counted once, in every metric, while processes are killed and replaced under load", async (t) => {
  const model = await runModel(
    t,
    `export class Model {
      preprocess(x) { return x; }
      async predict(x) { if (x === "die") process.kill(process.pid, "SIGKILL"); if (x === "fail") throw new Error("no"); await new Promise((r) => setTimeout(r, 2)); return x; }
      postprocess(x) { return x; }
    }`,
    { config: "runtime: { workers: 2, predict_concurrency: 4, max_queue: 1000 }" },
  );
  const statuses = new Map<number, number>();
  let sent = 0;
  const send = async (input: unknown): Promise<void> => {
    sent += 1;
    const { status } = await model.predict(input);
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
  };
  const client = async (kind: number): Promise<void> => {
    for (let i = 0; i < 60; i++) await send(i % 20 === 7 && kind === 0 ? "die" : i % 10 === 3 ? "fail" : i);
  };
  const load = Promise.all(Array.from({ length: 8 }, (_, kind) => client(kind)));
  await until(() => sent > 100, { timeout: 30_000 });
  await model.runtime.reload({ dir: model.dir, digest: "sha256:next" }, "process");
  await load;
  assert.equal(sent, 480);
  assert.ok((statuses.get(503) ?? 0) >= 3, "each death cost its own request at least");

  const samples = await until(async () => {
    const now = await page(model);
    return sumOf(now, "purlin_requests_total{") === sent ? now : null;
  });
  for (const [status, count] of statuses)
    assert.equal(
      samples.get(`purlin_requests_total{route="/predict",status="${status}"}`),
      count,
      String(status),
    );
  assert.equal(samples.get("purlin_total_duration_seconds_count"), sent);
  assert.equal(samples.get('purlin_total_duration_seconds_bucket{le="+Inf"}'), sent);
  // What was answered by a model process went through each of its phases, a failed one to where it failed.
  const ok = statuses.get(200) ?? 0;
  assert.equal(samples.get("purlin_queue_duration_seconds_count"), ok + (statuses.get(500) ?? 0));
  for (const phase of ["preprocess", "predict", "postprocess"])
    assert.ok((samples.get(`purlin_${phase}_duration_seconds_count`) ?? 0) >= ok, phase);
  for (const gauge of ["purlin_requests_in_flight", "purlin_queue_depth", "purlin_queue_bytes"])
    assert.equal(samples.get(gauge), 0, gauge);
  assert.equal(samples.get('purlin_model_restarts_total{reason="SIGKILL"}'), 3);
  assert.equal(samples.get("purlin_cancellations_total"), 0);
});

test("a process that computes is seen to lag while it does; memory and lag are told for each living process", async (t) => {
  const model = await runModel(
    t,
    `export class Model { predict(ms) { for (const end = Date.now() + ms; Date.now() < end; ); return process.pid; } }`,
    { config: "runtime: { workers: 2 }" },
  );
  const busy = model.predict(6000);
  await until(
    async () => {
      const lags = [...(await page(model))].filter(([name]) =>
        name.startsWith("purlin_event_loop_lag_seconds{"),
      );
      return lags.length === 2 && lags.some(([, lag]) => lag > 2) && lags.some(([, lag]) => lag < 2);
    },
    { timeout: 20_000, what: "one of two processes to lag by seconds while it computes" },
  );
  const samples = await page(model);
  for (const process of ["front", "model-1", "model-2"])
    assert.ok((samples.get(`purlin_resident_memory_bytes{process="${process}"}`) ?? 0) > 1e7, process);
  await busy;
});

const PROMETHEUS_MODEL = `
import { Counter, Gauge, Histogram, Summary } from "prom-client";
const calls = new Counter({ name: "calls_total", help: "Calls.", labelNames: ["kind"] });
const sizes = new Histogram({ name: "size_units", help: "Sizes.", buckets: [1, 10], labelNames: ["kind"] });
const times = new Summary({ name: "times", help: "Times.", percentiles: [0.5] });
const level = new Gauge({ name: "level", help: "Level.", aggregator: "max" });
const held = new Gauge({ name: "held", help: "Held.", collect() { console.log("collected"); } });
new Counter({ name: "purlin_requests_total", help: "Not ours." }).inc(1e6);
export class Model {
  async predict(size: number) {
    calls.inc({ kind: size > 5 ? "large" : "small" });
    sizes.observe({ kind: "all" }, size);
    times.observe(size);
    level.set(process.pid);
    held.set(1);
    if (size < 0) process.kill(process.pid, "SIGKILL");
    await new Promise((resolve) => setTimeout(resolve, 2));
    return process.pid;
  }
}`;

test("prom-client's metrics of two processes add up, across a reload and, to the second, across a kill", async (t) => {
  const project = await makeProject(t, { "model/model.ts": PROMETHEUS_MODEL });
  await makeTree(project, { "package.json": '{"type":"module","dependencies":{"prom-client":"15.1.3"}}' });
  await symlink(fileURLToPath(new URL("../../node_modules", import.meta.url)), join(project, "node_modules"));
  const model = await runModel(t, textOf(await bundleProject(project)), {
    config: "runtime: { workers: 2, predict_concurrency: 2 }",
  });
  let small = 0;
  let large = 0;
  const send = async (count: number): Promise<Set<number>> => {
    const sizes = Array.from({ length: count }, (_, i) => (i % 3 === 0 ? 20 : 1));
    large += sizes.filter((size) => size > 5).length;
    small += sizes.filter((size) => size <= 5).length;
    return new Set(
      await Promise.all(sizes.map(async (size) => (await (await model.predict(size)).json()) as number)),
    );
  };
  const agree = (samples: Map<string, number>): boolean => {
    const all = small + large;
    return (
      samples.get('calls_total{kind="small"}') === small &&
      samples.get('calls_total{kind="large"}') === large &&
      samples.get('size_units_bucket{le="1",kind="all"}') === small &&
      samples.get('size_units_bucket{le="10",kind="all"}') === small &&
      samples.get('size_units_bucket{le="+Inf",kind="all"}') === all &&
      samples.get('size_units_sum{kind="all"}') === small + 20 * large &&
      samples.get('size_units_count{kind="all"}') === all &&
      samples.get("times_count") === all
    );
  };
  await until(async () => (await page(model)).get('purlin_resident_memory_bytes{process="model-1"}'));
  await until(async () => (await page(model)).get('purlin_resident_memory_bytes{process="model-2"}'));
  const pids = await send(60);
  assert.equal(pids.size, 2, "both processes work");
  const first = await page(model);
  assert.ok(agree(first), JSON.stringify([...first].slice(-20)));
  assert.equal(first.get("level"), Math.max(...pids));
  assert.equal(first.get("held"), 2);
  assert.equal(first.get('purlin_requests_total{route="/predict",status="200"}'), 60, "ours, not the user's");

  await model.runtime.reload({ dir: model.dir, digest: "sha256:next" }, "process");
  await send(30);
  await until(async () => agree(await page(model)), { what: "the ended processes' counts to be kept" });

  // Nobody asks for the page now: what the processes tell by themselves each second is what a kill leaves.
  await send(30);
  const before = model.logs().length;
  const collected = (): Set<unknown> =>
    new Set(
      model
        .logs()
        .slice(before)
        .filter(({ message }) => message === "collected")
        .map(({ worker }) => worker),
    );
  await until(() => collected().size === 2, { what: "both to tell" });
  assert.equal((await model.predict(-1)).status, 503);
  await until(async () => agree(await page(model)), { what: () => `${small} and ${large}` });
});
