import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { it } from "node:test";
import { type RunningModel, runModel } from "../helpers/run-model.ts";
import { until } from "../helpers/until.ts";

/** How long traffic runs; the promise is ten minutes. */
const MINUTES = Number(process.env["PURLIN_SOAK_MINUTES"] ?? 10);
const CLIENTS = 8;
/** Memory may grow by this much over the second half: a leak of 10 bytes a request would exceed it. */
const MAX_GROWTH_BYTES = 12 * 1024 * 1024;

const MODEL = `
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
export class Model {
  preprocess(x) { return x; }
  async predict(x, request) {
    if (x.run === "crash") process.exit(7);
    if (x.run === "slow") await wait(20);
    if (x.run === "spin") { const end = performance.now() + 5; while (performance.now() < end); }
    if (x.run === "hang") await new Promise((resolve) => request.signal.addEventListener("abort", resolve));
    if (x.run === "throw") throw new Error("as asked");
    return { x, at: Date.now() };
  }
  async *chatCompletions() { for (let i = 0; i < 50; i++) { yield "x".repeat(100); if (i % 10 === 0) await wait(1); } }
}`;

type Kind = "echo" | "slow" | "spin" | "throw" | "large" | "stream" | "cut stream" | "hang" | "crash";

/** In proportion; a crash is rare, but there are some each minute. */
const MIX: Kind[] = [
  ...Array<Kind>(60).fill("echo"),
  ...Array<Kind>(8).fill("slow"),
  ...Array<Kind>(8).fill("spin"),
  ...Array<Kind>(4).fill("throw"),
  ...Array<Kind>(3).fill("large"),
  ...Array<Kind>(8).fill("stream"),
  ...Array<Kind>(4).fill("cut stream"),
  ...Array<Kind>(5).fill("hang"),
];
const CRASH_EVERY_MS = 15_000;

it(`${MINUTES} minutes of mixed traffic leave memory flat, every slot free and no process behind`, async (t) => {
  const model = await runModel(t, MODEL, {
    config: "runtime: {predict_concurrency: 2, cancel_grace_seconds: 2}",
    env: { PURLIN_LOG_LEVEL: "error" },
  });
  const end = Date.now() + MINUTES * 60_000;
  const samples: number[] = [];
  const counts = { answered: 0, cancelled: 0, lostToCrash: 0 };
  let lastCrash = Date.now();
  const sampler = setInterval(() => void frontMemory(model).then((bytes) => samples.push(bytes)), 1000);
  await Promise.all(
    Array.from({ length: CLIENTS }, async (_, client) => {
      for (let i = client; Date.now() < end; i += 7) {
        let kind = MIX[i % MIX.length] as Kind;
        if (Date.now() - lastCrash > CRASH_EVERY_MS) {
          lastCrash = Date.now();
          kind = "crash";
        }
        await one(model, kind, counts);
      }
    }),
  );
  clearInterval(sampler);

  await until(async () => (await gauge(model, "purlin_requests_in_flight")) === 0, {
    what: "every request to end",
  });
  assert.equal(await gauge(model, "purlin_queue_depth"), 0);
  assert.equal((await model.predict({ run: "echo" })).status, 200);
  const processes = await model.pids();
  assert.ok(processes.length <= 2, `front and one model process are left, not ${processes.length}`);
  const handles = (await readdir(`/proc/${model.runtime.pid}/fd`)).length;
  assert.ok(handles < 60, `the front has ${handles} open files`);

  const [first, last] = halves(samples);
  t.diagnostic(
    `${counts.answered} answered, ${counts.cancelled} cancelled, ${counts.lostToCrash} lost to crashes; ` +
      `samples ${samples
        .filter((_, i) => i % 5 === 0)
        .map(mib)
        .join(" ")}; front ${mib(first)} MiB in the second quarter, ${mib(last)} MiB in the last`,
  );
  assert.ok(counts.answered > 100 && counts.cancelled > 0);
  assert.ok(last - first < MAX_GROWTH_BYTES, `the front grew from ${mib(first)} to ${mib(last)} MiB`);
});

async function one(
  model: RunningModel,
  kind: Kind,
  counts: { answered: number; cancelled: number; lostToCrash: number },
): Promise<void> {
  const leave = new AbortController();
  try {
    const response = await send(model, kind, leave.signal);
    if (kind === "cut stream") {
      await response.body?.getReader().read();
      leave.abort();
      counts.cancelled += 1;
      return;
    }
    await response.arrayBuffer();
    if (response.status === 503) counts.lostToCrash += 1;
    else assert.equal(response.status, kind === "throw" ? 500 : 200, kind);
    counts.answered += 1;
  } catch (error) {
    if ((error as Error).name === "TimeoutError" || (error as Error).name === "AbortError")
      counts.cancelled += 1;
    // A stream that was under way in the process that crashed is cut off.
    else if (kind.endsWith("stream") && (error as Error).message === "terminated") counts.lostToCrash += 1;
    else throw error;
  }
}

function send(model: RunningModel, kind: Kind, leave: AbortSignal): Promise<Response> {
  const signal = kind === "hang" ? AbortSignal.timeout(30) : leave;
  if (kind === "stream" || kind === "cut stream") {
    return fetch(`${model.url}/v1/chat/completions`, { method: "POST", body: "{}", signal });
  }
  const large = { run: "echo", text: "x".repeat(200_000) };
  // Each crash is a body of its own: one that keeps killing the process would be refused.
  const input = kind === "large" ? large : kind === "crash" ? { run: kind, at: Date.now() } : { run: kind };
  return model.predict(input, { signal });
}

async function frontMemory(model: RunningModel): Promise<number> {
  const text = await readFile(`/proc/${model.runtime.pid}/smaps_rollup`, "utf8");
  return Number(/^Anonymous:\s+(\d+) kB/m.exec(text)?.[1]) * 1024;
}

async function gauge(model: RunningModel, name: string): Promise<number> {
  const text = await (await fetch(`${model.url}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1]);
}

/** Medians of the second and the last quarter: the first one is warm-up. */
function halves(samples: number[]): [number, number] {
  const quarter = Math.max(1, Math.floor(samples.length / 4));
  const median = (from: number): number =>
    samples.slice(from, from + quarter).sort((a, b) => a - b)[Math.floor(quarter / 2)] ?? 0;
  return [median(quarter), median(samples.length - quarter)];
}

const mib = (bytes: number): string => (bytes / 1024 / 1024).toFixed(1);
