// 100,000 seeded calls through batches: whatever happens to some rows, each caller gets exactly its own answer.
import assert from "node:assert/strict";
import { Agent, request, type IncomingMessage } from "node:http";
import { it } from "node:test";
import { readMetric } from "../helpers/read-metric.ts";
import { type Random, seededRandom } from "../helpers/random.ts";
import { runModel } from "../helpers/run-model.ts";
import { until } from "../helpers/until.ts";

const CALLS = Number(process.env["PURLIN_BATCH_CALLS"] ?? 100_000);
const CLIENTS = 48;
const MAX_SIZE = 16;

/** Rows are several numbers; a batch computes for some microseconds a row, sometimes asynchronously. */
const MODEL = `
export class Model {
  static input = { "~standard": { version: 1, vendor: "t", validate: (value) =>
    Array.isArray(value?.numbers) ? { value } : { issues: [{ message: "numbers are missing", path: ["numbers"] }] } } };
  async predictBatch(inputs, requests) {
    if (inputs.length > ${MAX_SIZE}) throw new Error("the batch is too large");
    if (inputs.some((input) => input.late)) console.error("out of time and given to the model");
    const pause = Math.max(...inputs.map(({ pause }) => pause));
    if (pause > 0) await new Promise((resolve) => setTimeout(resolve, pause));
    return inputs.map(({ id, numbers, bad }) => bad
      ? Object.assign(new Error("bad " + id))
      : { id, doubled: numbers.map((x) => 2 * x) });
  }
}`;

type Kind = "plain" | "bad" | "invalid" | "no JSON" | "leaves" | "hurried";

interface Plan {
  id: string;
  kind: Kind;
  numbers: number[];
  pause: number;
}

function plan(random: Random, id: string): Plan {
  const dice = random.int(100);
  const kind: Kind =
    dice < 84
      ? "plain"
      : dice < 88
        ? "bad"
        : dice < 91
          ? "invalid"
          : dice < 93
            ? "no JSON"
            : dice < 98
              ? "leaves"
              : "hurried";
  return {
    id,
    kind,
    numbers: Array.from({ length: 1 + random.int(9) }, () => random.int(1e6)),
    pause: random.int(50) === 0 ? random.int(8) : 0,
  };
}

it(`${CALLS} calls, some of them bad, impatient or gone: each caller gets its own rows and nothing else`, async (t) => {
  const seed = Number(process.env["PURLIN_SEED"] ?? Math.floor(Math.random() * 1e6));
  t.diagnostic(`seed ${seed}`);
  const model = await runModel(t, MODEL, {
    config: `runtime: {batching: {max_size: ${MAX_SIZE}, max_wait_ms: 3}, max_queue: 10000}`,
    env: { PURLIN_LOG_LEVEL: "error" },
  });
  const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS });
  t.after(() => agent.destroy());
  const url = new URL("/predict", model.url);
  const counts: Record<string, number> = {};
  let next = 0;
  await Promise.all(
    Array.from({ length: CLIENTS }, async (_, client) => {
      const random = seededRandom(seed * 1000 + client);
      while (next < CALLS) {
        const row = plan(random, `${client}-${next++}`);
        const outcome = await call(url, agent, row, random);
        counts[`${row.kind}: ${outcome}`] = (counts[`${row.kind}: ${outcome}`] ?? 0) + 1;
      }
    }),
  );
  t.diagnostic(JSON.stringify(counts));
  const allowed: Record<Kind, string[]> = {
    plain: ["200"],
    bad: ["500"],
    invalid: ["400"],
    "no JSON": ["400"],
    leaves: ["gone", "200"],
    hurried: ["200", "504"],
  };
  for (const outcome of Object.keys(counts)) {
    const [kind = "", code = ""] = outcome.split(": ");
    assert.ok(allowed[kind as Kind].includes(code), `${outcome}: ${counts[outcome]}`);
  }
  await until(async () => (await readMetric(model.url, "purlin_requests_in_flight")) === 0);
  assert.equal(await readMetric(model.url, "purlin_queue_depth"), 0);
  const [rows, batches] = await Promise.all(
    ["sum", "count"].map((part) => readMetric(model.url, `purlin_batch_rows_${part}`)),
  );
  t.diagnostic(`${((rows ?? 0) / (batches ?? 1)).toFixed(1)} rows a batch`);
  assert.ok((rows ?? 0) > 1.5 * (batches ?? 0), "the calls did run in batches");
  assert.equal(await readMetric(model.url, "purlin_model_restarts_total"), Number.NaN);
});

/** Sends one call; its answer must be its own. Returns its status, or "gone" where its client left. */
function call(url: URL, agent: Agent, row: Plan, random: Random): Promise<string> {
  const headers: Record<string, string> = { "x-request-id": row.id };
  if (row.kind === "hurried") headers["x-request-timeout-ms"] = String(1 + random.int(6));
  return new Promise((resolve, reject) => {
    const req = request(url, { method: "POST", agent, headers }, (res) => {
      void read(res).then(
        (text) => {
          try {
            check(row, res, text);
            resolve(String(res.statusCode));
          } catch (error) {
            reject(error instanceof Error ? error : new Error(String(error)));
          }
        },
        () => resolve("gone"),
      );
    });
    req.on("error", (error) => (row.kind === "leaves" ? resolve("gone") : reject(error)));
    const body = { id: row.id, numbers: row.numbers, pause: row.pause, bad: row.kind === "bad" };
    if (row.kind === "no JSON") req.end("{not JSON");
    else req.end(JSON.stringify(row.kind === "invalid" ? { id: row.id } : body));
    if (row.kind === "leaves") setTimeout(() => req.destroy(), random.int(4));
  });
}

function check(row: Plan, res: IncomingMessage, text: string): void {
  assert.equal(res.headers["x-request-id"], row.id);
  const answer = JSON.parse(text) as { id?: string; doubled?: number[]; request_id?: string };
  if (res.statusCode !== 200) return assert.equal(answer.request_id, row.id);
  assert.equal(answer.id, row.id);
  assert.deepEqual(
    answer.doubled,
    row.numbers.map((x) => 2 * x),
  );
}

async function read(res: IncomingMessage): Promise<string> {
  res.setEncoding("utf8");
  let text = "";
  for await (const chunk of res) text += chunk;
  return text;
}
