// Model contract §7: batches through predictBatch. Each caller gets its own row, whatever happens to its neighbours.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { describe, it } from "node:test";
import { readMetric } from "../helpers/read-metric.ts";
import { runModel, writePackage, type RunningModel } from "../helpers/run-model.ts";
import { until } from "../helpers/until.ts";

/** Answers each row with the batch it was in; a batch takes the longest `hold` of its rows, or until the gate is opened. */
const MODEL = `
const wait = (ms) => new Promise((r) => setTimeout(r, ms));
let calls = 0, seen = [], open = () => {};
export class Model {
  async predictBatch(inputs, requests) {
    const call = ++calls;
    seen.push(inputs.map((input) => input.id));
    const hold = Math.max(0, ...inputs.map((input) => input.hold ?? 0));
    if (hold > 0) await wait(hold);
    if (inputs.some((input) => input.gate)) await new Promise((resolve) => (open = resolve));
    if (inputs.some((input) => input.kill)) process.exit(3);
    if (inputs.some((input) => input.poison)) throw new Error("one of them is bad");
    return inputs.map((input, i) => {
      if (input.bad) return new Error("this row is bad");
      return { id: input.id, call, size: inputs.length, aborted: requests[i].signal.aborted };
    });
  }
  chatCompletions() { return seen; }
  completions() { open(); return null; }
}`;

interface Row {
  id: number;
  call: number;
  size: number;
}

const config = (batching: string, more = ""): string => `runtime:\n  batching: ${batching}\n${more}`;
const rowOf = async (response: Promise<Response>): Promise<Row> => (await (await response).json()) as Row;
const codeOf = async (response: Response): Promise<[number, string]> => [
  response.status,
  ((await response.json()) as { code: string }).code,
];
const queued = ({ url }: RunningModel): Promise<number> => readMetric(url, "purlin_queue_depth");
const inFlight = ({ url }: RunningModel): Promise<number> => readMetric(url, "purlin_requests_in_flight");

interface Crowd {
  /** Of each row's request. */
  init?: RequestInit[];
  /** Done while all of them wait. */
  meanwhile?: (waiting: Promise<Response>[]) => unknown;
}

/** Sends a row that holds the model until all these wait behind it. */
async function behindOne(
  model: RunningModel,
  inputs: object[],
  { init = [], meanwhile }: Crowd = {},
): Promise<Promise<Response>[]> {
  void model.predict({ id: "first", gate: true }).catch(() => undefined);
  await until(async () => (await inFlight(model)) === 1 && (await queued(model)) === 0);
  const waiting: Promise<Response>[] = [];
  for (const [i, input] of inputs.entries()) {
    waiting.push(model.predict(input, init[i] ?? {}));
    await until(async () => (await queued(model)) === i + 1, { interval: 2 });
  }
  await meanwhile?.(waiting);
  await fetch(`${model.url}/v1/completions`, { method: "POST", body: "null" });
  return waiting;
}

/** Processor time of the processes so far, user's and system's, in ticks of Linux. */
function ticks(pids: readonly number[]): number {
  const of = (pid: number): number => {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return Number(fields[11]) + Number(fields[12]);
  };
  return pids.reduce((sum, pid) => sum + of(pid), 0);
}

describe("batching", () => {
  it("what waits while the model is busy goes together, each caller gets its own row, in order", async (t) => {
    const model = await runModel(t, MODEL, { config: config("{max_size: 8}") });
    const waiting = await behindOne(model, [{ id: 1 }, { id: 2 }, { id: 3 }]);
    const rows = await Promise.all(waiting.map(rowOf));
    assert.deepEqual(
      rows.map(({ id }) => id),
      [1, 2, 3],
    );
    assert.deepEqual(new Set(rows.map(({ call }) => call)), new Set([2]));
    assert.equal(rows[0]?.size, 3);
    const seen = await (
      await fetch(`${model.url}/v1/chat/completions`, { method: "POST", body: "{}" })
    ).json();
    assert.deepEqual(seen, [["first"], [1, 2, 3]]);
  });

  it("no batch is larger than max_size, and one of max_size 1 works", async (t) => {
    for (const size of [1, 3]) {
      const model = await runModel(t, MODEL, { config: config(`{max_size: ${size}}`) });
      const waiting = await behindOne(
        model,
        Array.from({ length: 7 }, (_, id) => ({ id })),
      );
      const rows = await Promise.all(waiting.map(rowOf));
      assert.ok(
        rows.every((row) => row.size <= size),
        JSON.stringify(rows),
      );
      assert.deepEqual(
        rows.map(({ id }) => id),
        [0, 1, 2, 3, 4, 5, 6],
      );
      await model.runtime.stop({ graceMs: 1000 });
    }
  });

  it("an Error in a row's place is that caller's alone", async (t) => {
    const model = await runModel(t, MODEL, { config: config("{max_size: 8}") });
    const [good, bad, alsoGood] = await Promise.all(
      await behindOne(model, [{ id: 1 }, { id: 2, bad: true }, { id: 3 }]),
    );
    assert.equal(good?.status, 200);
    assert.deepEqual(await codeOf(bad as Response), [500, "MODEL_ERROR"]);
    assert.equal(alsoGood?.status, 200);
  });

  it("a row whose input is no JSON, or breaks the schema, fails alone and is not in the batch", async (t) => {
    const schema = `const schema = { "~standard": { version: 1, vendor: "t", validate: async (value) =>
      value.id === "wrong" ? { issues: [{ message: "no", path: ["id"] }] } : { value } } };`;
    const source =
      schema + MODEL.replace("export class Model {", "export class Model { static input = schema;");
    const model = await runModel(t, source, { config: config("{max_size: 8}") });
    const waiting = await behindOne(model, [{ id: 1 }, { id: "wrong" }, { id: 3 }, {}], {
      init: [{}, {}, {}, { body: "{no" }],
    });
    const answers = await Promise.all(waiting);
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 400, 200, 400],
    );
    assert.equal(((await (answers[0] as Response).json()) as Row).size, 2);
  });

  it("a row that leaves while the input of one before it is checked holds up nobody", async (t) => {
    const schema = `const schema = { "~standard": { version: 1, vendor: "t", validate: async (value) => {
      if (value.id === "slow") await new Promise((resolve) => (open = resolve));
      return { value };
    } } };`;
    const source =
      schema + MODEL.replace("export class Model {", "export class Model { static input = schema;");
    const model = await runModel(t, source, { config: config("{max_size: 8}") });
    const leave = new AbortController();
    const [slow, left, last] = await behindOne(model, [{ id: "slow" }, { id: 2 }, { id: 3 }], {
      init: [{}, { signal: leave.signal }],
    });
    await until(async () => (await queued(model)) === 0 && (await inFlight(model)) === 3);
    leave.abort();
    await assert.rejects(left as Promise<Response>);
    await until(async () => (await readMetric(model.url, "purlin_cancellations_total")) === 1);
    await fetch(`${model.url}/v1/completions`, { method: "POST", body: "null" });
    const signal = AbortSignal.timeout(10_000);
    const answers = await Promise.all([slow, last, model.predict({ id: 4 }, { signal })]);
    assert.deepEqual(
      answers.map((answer) => answer?.status),
      [200, 200, 200],
    );
  });

  it("a batch that throws fails as a whole; with isolate_errors only the row that makes it throw", async (t) => {
    const rows = [{ id: 1 }, { id: 2, poison: true }, { id: 3 }];
    const whole = await runModel(t, MODEL, { config: config("{max_size: 8}") });
    const together = await Promise.all(await behindOne(whole, rows));
    assert.deepEqual(
      together.map(({ status }) => status),
      [500, 500, 500],
    );

    const isolating = await runModel(t, MODEL, { config: config("{max_size: 8, isolate_errors: true}") });
    const apart = await Promise.all(await behindOne(isolating, rows));
    assert.deepEqual(
      apart.map(({ status }) => status),
      [200, 500, 200],
    );
    assert.equal(((await (apart[2] as Response).json()) as Row).id, 3);
  });

  it("a result that is no array, or one of another length, is an error that says so", async (t) => {
    const source = `export class Model { predictBatch(inputs) { return inputs[0].one ? [] : { rows: inputs }; } }`;
    const model = await runModel(t, source, { config: config("{max_size: 8}") });
    assert.deepEqual(await codeOf(await model.predict({})), [500, "MODEL_ERROR"]);
    assert.deepEqual(await codeOf(await model.predict({ one: true })), [500, "MODEL_ERROR"]);
    await until(() =>
      model.logs().some(({ message }) => /must return an array with a result for each/.test(message)),
    );
    await until(() => model.logs().some(({ message }) => /it was given 1 and returned 0/.test(message)));
  });

  it("a row whose client has gone leaves before its batch begins", async (t) => {
    const model = await runModel(t, MODEL, { config: config("{max_size: 8}") });
    const leaving = new AbortController();
    const waiting = await behindOne(model, [{ id: 1 }, { id: 2 }, { id: 3 }], {
      init: [{}, { signal: leaving.signal }],
      async meanwhile(all) {
        leaving.abort();
        assert.equal(await all[1]?.catch(() => "gone"), "gone");
        await until(async () => (await queued(model)) === 2);
      },
    });
    const rows = await Promise.all(
      [waiting[0], waiting[2]].map((answer) => rowOf(answer as Promise<Response>)),
    );
    assert.deepEqual(
      rows.map(({ id, size }) => [id, size]),
      [
        [1, 2],
        [3, 2],
      ],
    );
  });

  it("one row's deadline passes without touching its neighbours; one that is out of time is never given to the model", async (t) => {
    const model = await runModel(t, MODEL, { config: config("{max_size: 8}") });
    const late = { headers: { "x-request-timeout-ms": "1000" } };
    const [kept, cut] = await behindOne(model, [{ id: 1 }, { id: 2 }], {
      init: [{}, late],
      async meanwhile([, hurried]) {
        assert.deepEqual(await codeOf((await hurried) as Response), [504, "DEADLINE_EXCEEDED"]);
      },
    });
    assert.equal((await rowOf(kept as Promise<Response>)).size, 1);
    assert.equal((await cut)?.status, 504);
    // In a batch that runs, too.
    const [patient, hurried] = await behindOne(model, [{ id: 4, hold: 1500 }, { id: 5 }], {
      init: [{}, { headers: { "x-request-timeout-ms": "1400" } }],
    });
    assert.equal((await hurried)?.status, 504);
    assert.equal((await rowOf(patient as Promise<Response>)).size, 2);
    await until(async () => (await inFlight(model)) === 0);
  });

  it("a batch of which no row is left gives its slot back", async (t) => {
    const model = await runModel(t, MODEL, { config: config("{max_size: 8}") });
    const refused = await Promise.all(await behindOne(model, [{ id: 1 }], { init: [{ body: "{no" }] }));
    assert.deepEqual(
      refused.map(({ status }) => status),
      [400],
    );
    const leaving = new AbortController();
    await behindOne(model, [{ id: 2 }], {
      init: [{ signal: leaving.signal }],
      async meanwhile([gone]) {
        leaving.abort();
        await gone?.catch(() => undefined);
      },
    });
    assert.equal((await rowOf(model.predict({ id: 3 }))).id, 3);
  });

  it("a batch that nobody waits for any more and that does not end costs its process, not its successors", async (t) => {
    const more = "  cancel_grace_seconds: 0.3\n";
    const model = await runModel(t, MODEL, { config: config("{max_size: 8}", more) });
    const leaving = new AbortController();
    const hung = [1, 2].map((id) =>
      model.predict({ id, hold: 60_000 }, { signal: leaving.signal }).catch(() => "gone"),
    );
    await until(async () => (await inFlight(model)) === 2);
    leaving.abort();
    await Promise.all(hung);
    assert.equal((await rowOf(model.predict({ id: 3 }))).id, 3);
    await until(async () => (await inFlight(model)) === 0);
  });

  it("rows that had not begun when their process died are run by the next one", async (t) => {
    const model = await runModel(t, MODEL, { config: config("{max_size: 2}") });
    const killer = model.predict({ id: 0, hold: 300, kill: true });
    await until(async () => (await inFlight(model)) === 1);
    const others = [1, 2, 3].map((id) => rowOf(model.predict({ id })));
    assert.deepEqual(await codeOf(await killer), [503, "MODEL_CRASHED"]);
    assert.deepEqual(
      (await Promise.all(others)).map(({ id }) => id),
      [1, 2, 3],
    );
  });

  it("preprocess and postprocess run for each row on its own, outside the batch", async (t) => {
    const source = `
      export class Model {
        async preprocess(x) { await new Promise((r) => setTimeout(r, x.id * 10)); return x.id * 10; }
        predictBatch(rows) { return rows.map((row) => ({ row, size: rows.length })); }
        async postprocess({ row, size }, request) { return { row: row + 1, size, url: new URL(request.url).pathname }; }
      }`;
    const model = await runModel(t, source, { config: config("{max_size: 8}") });
    const answers = await Promise.all([1, 2, 3].map((id) => rowOf(model.predict({ id }))));
    assert.deepEqual(
      answers.map((answer) => (answer as unknown as { row: number }).row),
      [11, 21, 31],
    );
  });

  it("a model with predictBatch alone needs no batching in config: each call is a batch of one", async (t) => {
    const model = await runModel(t, MODEL);
    const rows = await Promise.all((await behindOne(model, [{ id: 1 }, { id: 2 }])).map(rowOf));
    assert.deepEqual(
      rows.map(({ size }) => size),
      [1, 1],
    );
  });

  it("predict is used without batching, predictBatch with it", async (t) => {
    const source = `export class Model { predict() { return "one"; } predictBatch(rows) { return rows.map(() => "many"); } }`;
    const plain = await runModel(t, source);
    assert.equal(await (await plain.predict(1)).json(), "one");
    const batched = await runModel(t, source, { config: config("{max_size: 4}") });
    assert.equal(await (await batched.predict(1)).json(), "many");
  });

  it("examples go through predictBatch before the model is ready", async (t) => {
    const examples =
      "examples: [{name: one, input: {id: 7}, output: {id: 7, call: 1, size: 1, aborted: false}}]";
    const model = await runModel(t, MODEL, { config: `${config("{max_size: 4}")}${examples}\n` });
    assert.equal((await rowOf(model.predict({ id: 8 }))).call, 2);
  });

  for (const [what, source, reason] of [
    [
      "without predictBatch",
      "export class Model { predict(x) { return x; } }",
      /needs a predictBatch method/,
    ],
    [
      "that streams",
      "export class Model { async *predictBatch(x) { yield x; } }",
      /predictBatch cannot stream/,
    ],
  ] as const) {
    it(`a batching model ${what} is refused with the rule`, async (t) => {
      const model = await runModel(t, source, {
        config: config("{max_size: 4}"),
        ready: false,
        env: { PURLIN_ON_LOAD_FAILURE: "stay" },
      });
      await assert.rejects(model.runtime.ready, reason);
    });
  }

  it("logs of a batch name all of its requests, those of one row its own", async (t) => {
    const source = `export class Model { async predictBatch(rows) {
      console.log("batch of " + rows.length); await new Promise((r) => setTimeout(r, rows[0])); return rows; } }`;
    const model = await runModel(t, source, { config: config("{max_size: 8}") });
    const id = (name: string): RequestInit => ({ headers: { "x-request-id": name } });
    const first = model.predict(300, id("a"));
    await until(() => model.logs().some(({ message }) => message === "batch of 1"));
    const others = ["b", "c"].map((name) => model.predict(0, id(name)));
    await Promise.all([first, ...others]);
    const record = await until(() => model.logs().find(({ message }) => message === "batch of 2"));
    assert.deepEqual([...(record["request_ids"] as string[])].sort(), ["b", "c"]);
    assert.equal(record["request_id"], undefined);
    assert.equal(model.logs().find(({ message }) => message === "batch of 1")?.["request_id"], "a");
  });

  it("metrics count batches and their rows exactly", async (t) => {
    const model = await runModel(t, MODEL, { config: config("{max_size: 8}") });
    await Promise.all(await behindOne(model, [{ id: 1 }, { id: 2 }, { id: 3 }]));
    assert.equal(await readMetric(model.url, "purlin_batch_rows_count"), 2);
    assert.equal(await readMetric(model.url, "purlin_batch_rows_sum"), 4);
    assert.equal(await readMetric(model.url, 'purlin_batch_rows_bucket{le="1"}'), 1);
  });

  it("a free model does not keep a row waiting for company", async (t) => {
    const model = await runModel(t, MODEL, { config: config("{max_size: 32, max_wait_ms: 2000}") });
    for (let id = 0; id < 8; id++) {
      const began = performance.now();
      await model.predict({ id });
      assert.ok(performance.now() - began < 1000, `row ${id} waited`);
      await delay(20);
    }
  });

  it(
    "costs no processor time while there is nothing to do",
    { skip: process.platform !== "linux" },
    async (t) => {
      const model = await runModel(t, MODEL, { config: config("{max_size: 32, max_wait_ms: 2}") });
      await Promise.all(Array.from({ length: 40 }, (_, id) => model.predict({ id })));
      const pids = await model.pids();
      await until(async () => (await inFlight(model)) === 0);
      const before = ticks(pids);
      await delay(2000);
      // In hundredths of a second; each process tells of itself once a second.
      assert.ok(ticks(pids) - before <= 10, `${ticks(pids) - before} ticks`);
    },
  );

  it("reloads keep batches whole: methods swapped and processes replaced under load", async (t) => {
    const model = await runModel(t, MODEL, { config: config("{max_size: 8}") });
    const stopping = new AbortController();
    let answered = 0;
    const clients = Array.from({ length: 8 }, async (_, client) => {
      for (let i = 0; !stopping.signal.aborted; i++) {
        const id = client * 1e6 + i;
        const response = await model.predict({ id, hold: 1 });
        assert.equal(response.status, 200);
        assert.equal(((await response.json()) as Row).id, id);
        answered += 1;
      }
    });
    for (const [i, kind] of (["methods", "process", "methods", "process"] as const).entries()) {
      const before = answered;
      const dir = `${model.dir}-${i}`;
      await writePackage(dir, MODEL, config("{max_size: 8}"));
      await model.runtime.reload({ dir, digest: `sha256:${i}` }, kind, { strict: kind === "methods" });
      await until(() => answered > before + 50);
    }
    stopping.abort();
    await Promise.all(clients);
  });
});
