// Issue 5 point 8: a model process that ends unasked leaves one record that says what is known of it.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type LogRecord, runModel, type RunningModel, writePackage } from "../helpers/run-model.ts";
import { tmpDir } from "../helpers/tmp-dir.ts";
import { readMetric } from "../helpers/read-metric.ts";
import { until } from "../helpers/until.ts";

const MODEL = `
import { writeSync } from "node:fs";
export class Model {
  async predict(how) {
    for (let i = 1; i <= 25; i++) console.log("line " + i, { i });
    writeSync(1, "native on stdout\\n");
    if (how === "exit") process.exit(7);
    if (how === "kill") process.kill(process.pid, "SIGKILL");
    if (how === "abort") process.abort();
    if (how === "throw") { setImmediate(() => { throw new Error("from a callback"); }); await new Promise(() => {}); }
    if (how === "memory") { const held = []; for (;;) held.push(new Array(1e6).fill(Math.random())); }
    if (how === "innocent") { console.error("heap out of memory, says the model"); process.exit(3); }
    await new Promise(() => {});
  }
}`;

const reports = (model: RunningModel): LogRecord[] =>
  model.logs().filter((record) => record["last_lines"] !== undefined);

test("how it ended, what it printed last, which requests it cost, its age and its memory", async (t) => {
  const model = await runModel(t, MODEL, { config: "runtime: { predict_concurrency: 2 }" });
  await until(
    async () => (await readMetric(model.url, 'purlin_resident_memory_bytes{process="model-1"}')) > 0,
  );
  const beside = model.predict("wait", { headers: { "x-request-id": "beside" } });
  await until(() => model.logs().some(({ message }) => message === "native on stdout"));
  const dying = await model.predict("exit", { headers: { "x-request-id": "dying" } });
  assert.deepEqual([dying.status, (await beside).status], [503, 503]);
  const report = await until(() => reports(model)[0]);
  assert.equal(report.message, "The model process ended: exit-code-7");
  const { worker, reason, exit_code, signal, loaded, lost_request_count } = report;
  assert.deepEqual(
    [worker, reason, exit_code, signal, loaded, lost_request_count],
    [1, "exit-code-7", 7, null, true, 2],
  );
  assert.deepEqual((report["lost_requests"] as string[]).toSorted(), ["beside", "dying"]);
  const lines = report["last_lines"] as string[];
  assert.equal(lines.length, 20);
  assert.ok(lines.includes("native on stdout") && lines.includes("line 25"), lines.join("|"));
  assert.ok((report["uptime_seconds"] as number) > 0);
  assert.ok((report["rss_bytes"] as number) > 1e7);
  assert.equal(reports(model).length, 1);
});

test("the reason is the metric's label, and told rightly for each way to end", async (t) => {
  const model = await runModel(t, MODEL, {
    config: "runtime: { workers: 1 }",
    env: { NODE_OPTIONS: "--max-old-space-size=64" },
  });
  const ways: Record<string, string> = {
    kill: "SIGKILL",
    abort: "SIGABRT",
    throw: "exit-code-1",
    innocent: "exit-code-3",
    memory: "out-of-memory",
  };
  for (const [how, reason] of Object.entries(ways)) {
    await until(async () => (await fetch(`${model.url}/health/ready`)).ok, { timeout: 30_000 });
    const before = reports(model).length;
    assert.equal((await model.predict(how)).status, 503, how);
    const report = await until(() => reports(model)[before], {
      timeout: 20_000,
      what: `the report of ${how}`,
    });
    assert.equal(report["reason"], reason, JSON.stringify(report));
    await until(
      async () => (await readMetric(model.url, `purlin_model_restarts_total{reason="${reason}"}`)) === 1,
    );
    if (how === "throw") assert.match((report["last_lines"] as string[]).join("\n"), /from a callback/);
  }
});

test("one that dies while it loads leaves a report, too", async (t) => {
  const source = `console.log("reading weights"); export class Model { load() { process.exit(9); } predict() {} }`;
  const model = await runModel(t, source, {
    config: "runtime: { load_retries: 0 }",
    env: { PURLIN_ON_LOAD_FAILURE: "stay" },
    ready: false,
  });
  const report = await until(() => reports(model)[0]);
  assert.deepEqual([report["loaded"], report["exit_code"], report["lost_request_count"]], [false, 9, 0]);
  assert.ok((report["last_lines"] as string[]).includes("reading weights"));
});

const GROUP = `/sys/fs/cgroup/memory/purlin-test-${process.pid}`;

test("one that the kernel kills for want of memory is told from one that was killed otherwise", async (t) => {
  try {
    mkdirSync(GROUP);
    writeFileSync(join(GROUP, "memory.limit_in_bytes"), String(300 * 1024 * 1024));
  } catch {
    return t.skip("no control group of version 1 can be made here");
  }
  const source = `const held = []; export class Model {
    predict(how) { if (how === "kill") process.kill(process.pid, "SIGKILL"); for (;;) held.push(Buffer.alloc(8e6, 1)); }
  }`;
  const dir = join(await tmpDir(t), "package");
  await writePackage(dir, source);
  // The shell goes into the group, so that everything that it becomes and starts is in it.
  const start = `echo $$ > ${GROUP}/cgroup.procs; exec "$0" ${join(dir, "runtime/front.mjs")}`;
  const child = spawn("sh", ["-c", start, process.execPath], {
    env: { PATH: process.env["PATH"], PORT: "0" },
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (piece) => (text += String(piece)));
  const exited = once(child, "exit");
  t.after(async () => {
    child.kill("SIGKILL");
    await exited;
    await until(() => (rmdirSync(GROUP), true), { what: "the group to be empty" });
  });
  const [, url = ""] = await until(() => /listening on (\S+)/.exec(text));
  for (const [how, reason] of [
    ["kill", "SIGKILL"],
    ["memory", "out-of-memory"],
    ["kill", "SIGKILL"],
  ]) {
    await until(async () => (await fetch(`${url}/health/ready`)).ok, { timeout: 20_000 });
    const before = text.length;
    const answer = await fetch(`${url}/predict`, { method: "POST", body: JSON.stringify(how) });
    assert.equal(answer.status, 503, how);
    const [, told] = await until(() => /"code":"MODEL_CRASHED","reason":"([^"]+)"/.exec(text.slice(before)));
    assert.equal(told, reason, text.slice(before));
  }
});
