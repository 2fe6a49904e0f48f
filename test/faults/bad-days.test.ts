// Issue 3, item 10: a disk that fills, a replica that hangs, a flood of logs, clients that are slow or gone.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { connect } from "node:net";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { it } from "node:test";
import { constantClients } from "../helpers/constant-clients.ts";
import { makeModelProject } from "../helpers/make-model-project.ts";
import { smallDisk } from "../helpers/small-disk.ts";
import { startTestHost, type TestHost } from "../helpers/test-host.ts";
import { until } from "../helpers/until.ts";

const MIB = 1024 * 1024;

it("a full disk refuses the push and nothing else; with room again the same push succeeds", async (t) => {
  const disk = await smallDisk(t, 48);
  if (disk === null) return t.skip("this user may not mount a small disk");
  const host = await startTestHost(t, { dataDir: join(disk, "data") });
  const project = await makeModelProject(t, "full");
  await host.ok(["push", project.dir]);
  await project.write("data/big.bin", randomBytes(64 * MIB));
  const refused = await host.cli(["push", project.dir, "--json"]);
  assert.equal(refused.code, 1);
  assert.match(refused.stdout, /STORAGE_FULL|no room left/);
  assert.equal((await host.predict("full", {})).status, 200, "what serves goes on");
  // Within the room that is left: nothing of the refused push is in the way.
  await project.write("data/big.bin", randomBytes(8 * MIB));
  await project.version(2);
  await host.ok(["push", project.dir]);
  assert.equal(((await (await host.predict("full", {})).json()) as { version: number }).version, 2);
});

it("a replica that hangs leaves the traffic and is replaced; the other one answers meanwhile", async (t) => {
  const host = await startTestHost(t);
  const project = await makeModelProject(t, "hanging", "autoscaling: {min_replicas: 2, max_replicas: 2}\n");
  await host.ok(["push", project.dir]);
  await until(() => host.models().length === 2);
  const fronts = frontsOf(host);
  assert.equal(fronts.length, 2);
  const [hung] = fronts as [number, number];
  process.kill(hung, "SIGSTOP");
  // Out of the traffic after three missed probes: then no request waits for it any more.
  await until(async () => (await replicas(host, "hanging")) === 1, { timeout: 30_000 });
  const clients = constantClients(() => host.predict("hanging", {}));
  await until(() => !frontsOf(host).includes(hung) && frontsOf(host).length === 2, { timeout: 120_000 });
  await until(async () => (await replicas(host, "hanging")) === 2, { timeout: 30_000 });
  const { failures, asked } = await clients.stop();
  assert.deepEqual(failures, []);
  assert.ok(asked > 100);
});

it("a flood of log lines leaves the host answering, with bounded memory and a bounded log", async (t) => {
  const host = await startTestHost(t);
  const project = await makeModelProject(t, "flood");
  await project.write(
    "model/model.ts",
    `export class Model {
      async predict({ lines }: any) {
        for (let i = 0; i < lines; i++) { console.log("line " + i + " " + "x".repeat(100)); if (i % 1000 === 0) await new Promise((r) => setImmediate(r)); }
        return "done";
      }
    }`,
  );
  await host.ok(["push", project.dir]);
  const flood = host.predict("flood", { lines: 500_000 });
  let peak = 0;
  let slowest = 0;
  const state = { over: false };
  void flood.finally(() => (state.over = true)).catch(() => undefined);
  while (!state.over) {
    const began = performance.now();
    assert.equal((await host.fetch("/health/ready")).status, 200);
    slowest = Math.max(slowest, performance.now() - began);
    peak = Math.max(peak, await residentBytes(host.pid));
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.equal((await flood).status, 200);
  t.diagnostic(`host ${(peak / MIB).toFixed(0)} MiB at most; slowest health ${slowest.toFixed(0)} ms`);
  assert.ok(peak < 400 * MIB);
  const kept = Number(
    execFileSync("du", ["-sk", join(host.dataDir, "logs")], { encoding: "utf8" }).split("\t")[0],
  );
  assert.ok(kept < 64 * 1024, `${kept} KiB of logs`);
});

it("clients that read slowly or vanish hold nothing for ever", async (t) => {
  const host = await startTestHost(t);
  const project = await makeModelProject(t, "patient", "runtime: {predict_concurrency: 8}\n");
  await host.ok(["push", project.dir]);
  const { port } = new URL(host.url);
  const open = (head: string, body: string) => {
    const socket = connect(Number(port), "127.0.0.1");
    t.after(() => socket.destroy());
    socket.on("error", () => undefined);
    const start = `POST /models/patient/production/predict HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${host.key}\r\n`;
    socket.write(`${start}${head}\r\n\r\n${body}`);
    return socket;
  };
  const input = JSON.stringify({ chunks: 1_000_000, every: 0 });
  // Never read a byte of an endless stream, or go in the middle of an upload or of an answer.
  const readers = Array.from({ length: 8 }, () => open(`Content-Length: ${input.length}`, input).pause());
  const uploads = Array.from({ length: 20 }, () => open("Content-Length: 5000000", "{"));
  await until(async () => (await inFlight(host)) >= 8);
  const before = await residentBytes(host.pid);
  await new Promise((resolve) => setTimeout(resolve, 2000));
  assert.ok(
    (await residentBytes(host.pid)) - before < 100 * MIB,
    "a stream that nobody reads is not gathered",
  );
  assert.equal((await host.fetch("/health/ready")).status, 200);
  for (const socket of [...readers, ...uploads]) socket.destroy();
  await until(async () => (await inFlight(host)) === 0);
  assert.equal((await host.predict("patient", {})).status, 200);
});

async function replicas(host: TestHost, model: string): Promise<number> {
  const status = await host.fetch(`/v1/models/${model}`);
  return ((await status.json()) as { environments: { replicas: number }[] }).environments[0]?.replicas ?? 0;
}

async function inFlight(host: TestHost): Promise<number> {
  const text = await (await host.fetch("/metrics")).text();
  return Number(/^purlin_host_requests_in_flight\{[^}]*\} (\d+)/m.exec(text)?.[1] ?? 0);
}

function frontsOf(host: TestHost): number[] {
  return execFileSync("ps", ["-eo", "pid=,args="], { encoding: "utf8" })
    .split("\n")
    .filter(
      (line) =>
        line.includes(host.dataDir) && /node\S* .*runtime\/front\.mjs/.test(line) && !line.includes("bwrap"),
    )
    .map((line) => Number.parseInt(line.trim(), 10));
}

async function residentBytes(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(text)?.[1] ?? 0) * 1024;
}
