// Everything at once, by a seed: model processes die, hang and are replaced, clients leave and hurry, code is swapped and
// reloaded. However it goes, a request runs at most once, its caller gets its own answer or an honest error, and at
// the end nothing is held: no slot, no job, no process, no descriptor.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { join } from "node:path";
import { it, type TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { type Random, seededRandom } from "../helpers/random.ts";
import { readMetric } from "../helpers/read-metric.ts";
import { type RunningModel, runModel, writePackage } from "../helpers/run-model.ts";
import { tmpDir } from "../helpers/tmp-dir.ts";
import { until } from "../helpers/until.ts";

const SECONDS = Number(process.env["PURLIN_SCHEDULE_SECONDS"] ?? 12);
const CLIENTS = 24;
const LARGE = 300_000;
/** Sent before and after, when nothing else goes on. */
const QUIET_CALLS = 20;
const NOT_READY = "503 MODEL_NOT_READY";

const STEPS = ["preprocess", "predict", "postprocess"] as const;
const KINDS = ["plain", "bad", "leaves", "hurried", "hangs", "dies", "large", "pieces"] as const;
const WEIGHTS = [700, 60, 100, 60, 2, 2, 38, 38];

interface Variant {
  name: string;
  config: string;
  members: string;
  /** Steps of which the model tells that a request was in them. */
  steps: readonly string[];
  /** Those in which one may hang: neighbours in a batch that want their answers would have to wait with it. */
  hangsIn: readonly string[];
}

const PREPROCESS = 'async preprocess(input) { await step("preprocess", input); return input; }';
const POSTPROCESS = 'async postprocess(input) { await step("postprocess", input); return result(input); }';
const SETTINGS = "workers: 2, spare: true, max_queue: 10000, cancel_grace_seconds: 0.3";

const VARIANTS: Variant[] = [
  {
    name: "predict alone",
    config: `runtime: {${SETTINGS}, predict_concurrency: 3}`,
    members: 'async predict(input) { await step("predict", input); return result(input); }',
    steps: ["predict"],
    hangsIn: ["predict"],
  },
  {
    name: "preprocess, predictBatch and postprocess",
    config: `runtime: {${SETTINGS}, predict_concurrency: 2, batching: {max_size: 8, max_wait_ms: 2}}`,
    members: `${PREPROCESS}
      async predictBatch(inputs) {
        return Promise.all(inputs.map(async (input) => {
          try { await step("predict", input); return input; } catch (error) { return error; }
        }));
      }
      ${POSTPROCESS}`,
    steps: STEPS,
    hangsIn: ["preprocess", "postprocess"],
  },
];

/** `step` notes on disk what runs for whom, before it does what its input asks for. */
const source = (members: string, version: number): string => `
import { appendFileSync } from "node:fs";
async function step(name, input) {
  appendFileSync(process.env.RUNS, name + " " + input.id + "\\n");
  await new Promise((resolve) => setTimeout(resolve, input.pause));
  if (input.at !== name) return;
  if (input.kind === "bad") throw new Error("bad");
  if (input.kind === "dies") process.kill(process.pid, "SIGKILL");
  if (input.kind === "hangs") await new Promise(() => undefined);
}
const result = ({ id, numbers }) => ({ id, doubled: numbers.map((x) => 2 * x), version: ${version} });
export class Model { ${members} }`;

for (const variant of VARIANTS) {
  it(`${SECONDS} s of deaths, hangs, reloads and clients that leave, with ${variant.name}`, async (t) => {
    const seed = Number(process.env["PURLIN_SEED"] ?? Math.floor(Math.random() * 1e6));
    t.diagnostic(`seed ${seed}`);
    const runs = join(await tmpDir(t), "runs");
    const model = await runModel(t, source(variant.members, 0), {
      config: variant.config,
      env: { RUNS: runs, PURLIN_LOG_LEVEL: "error" },
    });
    await settled(model);
    const descriptors = openFiles(model);
    const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS });
    t.after(() => agent.destroy());
    // A reload is waited for after all clients have gone, and keeps nothing alive by itself.
    const alive = setInterval(() => undefined, 1000);
    t.after(() => clearInterval(alive));
    const over = AbortSignal.timeout(SECONDS * 1000);
    const calls: Outcome[] = [];
    const clients = Array.from({ length: CLIENTS }, async (_, client) => {
      const random = seededRandom(seed * 1000 + client);
      for (let n = 0; !over.aborted; n++) {
        const plan = newPlan(random, `${client}-${n}`, variant);
        const outcome = await call(model.url, agent, plan);
        calls.push({ plan, outcome });
        // As a client does that is told Retry-After.
        if (outcome === NOT_READY) await delay(200);
      }
    });
    const done = await disturb(t, { model, variant, random: seededRandom(seed), over });
    await Promise.all(clients);
    agent.destroy();

    t.diagnostic(`${JSON.stringify(done)} ${JSON.stringify(tally(calls))}`);
    assert.deepEqual(calls.filter(({ plan, outcome }) => !isAllowed(plan, outcome)).slice(0, 5), []);
    const plain = calls.filter(({ plan }) => plan.kind === "plain");
    const answered = plain.filter(({ outcome }) => outcome === "200").length;
    assert.ok(answered > plain.length / 2, `${answered} of ${plain.length} plain calls were answered`);
    everyStepOnce(calls, variant, readFileSync(runs, "utf8"));

    await settled(model);
    const [counted, timed] = [
      await sumOfRequests(model.url),
      await readMetric(model.url, "purlin_total_duration_seconds_count"),
    ];
    assert.equal(counted, timed);
    // A client may leave before its request has come.
    const atLeast = calls.filter(({ outcome }) => outcome !== "gone").length;
    const asked = counted - 2 * QUIET_CALLS;
    assert.ok(asked >= atLeast && asked <= calls.length, `${atLeast} <= ${asked} <= ${calls.length}`);
    await until(() => openFiles(model) <= descriptors + 4, {
      what: () => `${openFiles(model)} open files to be ${descriptors} again`,
    });
    await model.runtime.stop();
    await until(async () => (await model.pids()).length === 0, { what: "all processes to end" });
  });
}

interface Plan {
  id: string;
  kind: (typeof KINDS)[number];
  /** The step in which it is bad, hangs or dies. */
  at: string;
  pause: number;
  numbers: number[];
  /** Milliseconds until its client leaves. */
  leaves: number;
}

interface Outcome {
  plan: Plan;
  outcome: string;
}

function newPlan(random: Random, id: string, { steps, hangsIn }: Variant): Plan {
  let dice = random.int(WEIGHTS.reduce((sum, weight) => sum + weight, 0));
  const kind = KINDS[WEIGHTS.findIndex((weight) => (dice -= weight) < 0)] as Plan["kind"];
  const numbers = Array.from({ length: 1 + random.int(9) }, () => random.int(1e6));
  const leaves = kind === "leaves" ? random.int(12) : kind === "hangs" ? 100 + random.int(200) : -1;
  return {
    id,
    kind,
    at: random.pick(kind === "hangs" ? hangsIn : steps),
    pause: random.int(8),
    numbers,
    leaves,
  };
}

/** Kills, swaps and reloads until the time is over; tells how often. */
async function disturb(
  t: TestContext,
  {
    model,
    variant,
    random,
    over,
  }: { model: RunningModel; variant: Variant; random: Random; over: AbortSignal },
): Promise<Record<string, number>> {
  const done: Record<string, number> = {};
  for (let version = 1; !over.aborted; version++) {
    await delay(200 + random.int(1000));
    const step = random.pick(["kill", "kill", "methods", "process"] as const);
    if (step === "kill") {
      const pids = await modelPids(model);
      if (pids.length > 0) process.kill(random.pick(pids), "SIGKILL");
    } else {
      const dir = `${model.dir}-${version}`;
      await writePackage(dir, source(variant.members, version), variant.config);
      // One that is killed while it loads, or is asked to swap, fails the reload: the old code goes on.
      const ok = await model.runtime.reload({ dir, digest: `sha256:${version}` }, step).then(
        () => true,
        () => false,
      );
      if (!ok) t.diagnostic(`reload ${version} (${step}) was refused`);
    }
    done[step] = (done[step] ?? 0) + 1;
  }
  return done;
}

/** Sends one call. Its status and code, "gone" where its client left, or what is wrong with its answer. */
function call(base: string, agent: Agent, plan: Plan): Promise<string> {
  const headers: Record<string, string> = { "x-request-id": plan.id };
  if (plan.kind === "hurried") headers["x-request-timeout-ms"] = String(1 + plan.pause * 2);
  return new Promise((resolve) => {
    const req = request(new URL("/predict", base), { method: "POST", agent, headers }, (res) => {
      res.setEncoding("utf8");
      let text = "";
      res.on("data", (piece: string) => (text += piece));
      res.on("error", () => undefined);
      res.on("end", () => resolve(judge(plan, { status: res.statusCode ?? 0, text })));
    });
    // An answer that never comes is a finding, not a wait.
    req.setTimeout(20_000, () => req.destroy(new Error("no answer in 20 s")));
    req.on("error", (error) => resolve(plan.leaves >= 0 ? "gone" : error.message));
    req.on("close", () => resolve(plan.leaves >= 0 ? "gone" : "broken off"));
    const padding = plan.kind === "large" || plan.kind === "pieces" ? "x".repeat(LARGE) : "";
    const body = JSON.stringify({ ...plan, padding });
    if (plan.kind === "pieces") {
      req.write(body.slice(0, LARGE / 2));
      setTimeout(() => req.end(body.slice(LARGE / 2)), 2);
    } else req.end(body);
    if (plan.leaves >= 0) setTimeout(() => req.destroy(), plan.leaves);
  });
}

function judge(plan: Plan, { status, text }: { status: number; text: string }): string {
  const answer = JSON.parse(text) as { id?: string; doubled?: number[]; request_id?: string; code?: string };
  if (status !== 200)
    return answer.request_id === plan.id ? `${status} ${answer.code}` : `of another caller: ${text}`;
  const isOwn = answer.id === plan.id && String(answer.doubled) === String(plan.numbers.map((x) => 2 * x));
  return isOwn ? "200" : `of another caller: ${text}`;
}

/** Processes die for everybody; anything else has its cause in the request itself. */
function isAllowed(plan: Plan, outcome: string): boolean {
  // Refused before all of it had been sent: its client may notice that first.
  const isRefusedUpload = ["write EPIPE", "read ECONNRESET", "write ECONNRESET"].includes(outcome);
  if (isRefusedUpload) return plan.kind === "pieces" || plan.kind === "large";
  if (["503 MODEL_CRASHED", NOT_READY].includes(outcome)) return true;
  const own: Partial<Record<Plan["kind"], string[]>> = {
    bad: ["500 MODEL_ERROR"],
    leaves: ["gone", "200"],
    hurried: ["200", "504 DEADLINE_EXCEEDED"],
    hangs: ["gone"],
    dies: [],
  };
  return (own[plan.kind] ?? ["200"]).includes(outcome);
}

/** Nothing runs twice, whatever became of its process, and what was answered has gone all the way. */
function everyStepOnce(calls: readonly Outcome[], { steps }: Variant, text: string): void {
  const lines = text.trim().split("\n");
  const seen = new Set<string>();
  const twice = lines.filter((line) => seen.size === seen.add(line).size);
  assert.deepEqual(twice, [], "ran twice");
  for (const { plan, outcome } of calls) {
    if (outcome !== "200") continue;
    for (const step of steps) assert.ok(seen.has(`${step} ${plan.id}`), `${plan.id} was never in ${step}`);
  }
}

function tally(calls: readonly Outcome[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { plan, outcome } of calls) {
    const name = `${plan.kind}: ${outcome}`;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

/** Nothing is held, two workers and their spare are there, and requests are answered. */
async function settled(model: RunningModel): Promise<void> {
  for (const name of ["purlin_requests_in_flight", "purlin_queue_depth", "purlin_queue_bytes"])
    await until(async () => (await readMetric(model.url, name)) === 0, { timeout: 20_000, what: name });
  await until(async () => (await modelPids(model)).length === 3, {
    timeout: 30_000,
    what: "two workers and a spare",
  });
  assert.equal((await fetch(`${model.url}/health/ready`)).status, 200);
  for (let i = 0; i < QUIET_CALLS; i++) {
    const response = await model.predict({ id: `quiet-${performance.now()}`, numbers: [i], pause: 0 });
    assert.deepEqual(((await response.json()) as { doubled: number[] }).doubled, [2 * i]);
  }
}

async function sumOfRequests(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const lines = text.split("\n").filter((line) => /^purlin_requests_total\{.*route="\/predict"/.test(line));
  return lines.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
}

async function modelPids({ runtime, pids }: RunningModel): Promise<number[]> {
  const all = await pids();
  return all.filter((pid) => pid !== runtime.pid && isModelProcess(pid));
}

/** Not the guard of one, nor one that is gone by now. */
function isModelProcess(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("runtime/model.mjs");
  } catch {
    return false;
  }
}

function openFiles({ runtime }: RunningModel): number {
  return readdirSync(`/proc/${runtime.pid}/fd`).length;
}
