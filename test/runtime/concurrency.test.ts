// Model contract §3 and §6, spec cases D: slots, the queue, cancellation and deadlines.
import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { test } from "node:test";
import { readMetric } from "../helpers/read-metric.ts";
import { runModel, type RunningModel } from "../helpers/run-model.ts";
import { until } from "../helpers/until.ts";

/** predict waits for the `ms` of its input and tells how many ran beside it at most. */
const WAITING = `
let running = 0, most = 0;
export class Model {
  async predict({ ms = 0, id }, request) {
    running += 1; most = Math.max(most, running);
    console.log("began " + id);
    await new Promise((r) => setTimeout(r, ms));
    running -= 1;
    console.log("ended " + id + " aborted=" + request.signal.aborted);
    return { id, most };
  }
}`;

const inFlight = ({ url }: RunningModel): Promise<number> => readMetric(url, "purlin_requests_in_flight");
const queued = ({ url }: RunningModel): Promise<number> => readMetric(url, "purlin_queue_depth");
const said = (model: RunningModel, text: string): boolean =>
  model.logs().some(({ message }) => message.startsWith(text));

async function refusal(response: Response): Promise<[status: number, code: string]> {
  return [response.status, ((await response.json()) as { code: string }).code];
}

for (const concurrency of [1, 2, 5]) {
  test(`predict_concurrency ${concurrency}: so many run at once, never more`, async (t) => {
    const model = await runModel(t, WAITING, { config: `runtime:\n  predict_concurrency: ${concurrency}\n` });
    const answers = await Promise.all(
      Array.from({ length: 12 }, async (_, id) => (await model.predict({ ms: 40, id })).json()),
    );
    assert.equal(Math.max(...answers.map((answer) => (answer as { most: number }).most)), concurrency);
  });
}

test("requests of one slot are answered in the order they came", async (t) => {
  const model = await runModel(t, WAITING);
  void model.predict({ ms: 300, id: "first" });
  await until(async () => (await inFlight(model)) === 1);
  const order: number[] = [];
  const answers: Promise<unknown>[] = [];
  for (let i = 0; i < 10; i++) {
    answers.push(model.predict({ id: i }).then(() => order.push(i)));
    await until(async () => (await queued(model)) === i + 1, { interval: 1 });
  }
  await Promise.all(answers);
  assert.deepEqual(order, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

test("preprocess and postprocess hold no slot", async (t) => {
  const source = `
    const wait = (ms) => new Promise((r) => setTimeout(r, ms));
    export class Model {
      async preprocess(x) { await wait(300); return x; }
      predict(x) { return [x, x + 1]; }
      async *postprocess(list) { for (const x of list) { await wait(150); yield String(x) + " modified"; } }
    }`;
  const model = await runModel(t, source);
  const began = performance.now();
  const texts = await Promise.all([1, 2, 3, 4, 5].map(async (x) => (await model.predict(x)).text()));
  assert.deepEqual(
    texts,
    [1, 2, 3, 4, 5].map((x) => `${x} modified${x + 1} modified`),
  );
  // One after the other they would take 3 s.
  assert.ok(performance.now() - began < 1500, `took ${performance.now() - began} ms`);
});

test("a client that leaves: the signal aborts at once, the slot stays taken until predict ends", async (t) => {
  const model = await runModel(t, WAITING);
  const leaving = new AbortController();
  const left = model.predict({ ms: 700, id: "left" }, { signal: leaving.signal }).catch(() => "gone");
  await until(() => said(model, "began left"));
  const next = model.predict({ id: "next" });
  leaving.abort();
  assert.equal(await left, "gone");
  assert.equal(((await (await next).json()) as { most: number }).most, 1);
  await until(() => said(model, "began next"));
  const messages = model.logs().map(({ message }) => message);
  assert.ok(
    messages.indexOf("ended left aborted=true") < messages.indexOf("began next"),
    messages.join("\n"),
  );
});

test("a queued request whose client has left is never run", async (t) => {
  const model = await runModel(t, WAITING);
  const first = model.predict({ ms: 400, id: "first" });
  await until(() => said(model, "began first"));
  const leaving = new AbortController();
  const gone = [1, 2, 3].map((id) =>
    model.predict({ id: `gone${id}` }, { signal: leaving.signal }).catch(() => null),
  );
  await until(async () => (await queued(model)) === 3);
  leaving.abort();
  await Promise.all(gone);
  await until(async () => (await queued(model)) === 0);
  assert.ok((await first).ok);
  assert.ok((await model.predict({ id: "last" })).ok);
  await until(() => said(model, "began last"));
  assert.ok(!said(model, "began gone"));
});

test("a full queue refuses at once with 503 OVERLOADED and Retry-After, in requests", async (t) => {
  const model = await runModel(t, WAITING, { config: "runtime:\n  max_queue: 3\n" });
  const taken = Array.from({ length: 4 }, (_, id) => model.predict({ ms: 300, id }));
  await until(async () => (await queued(model)) === 3);
  const refused = await model.predict({ id: "over" });
  assert.match(refused.headers.get("retry-after") ?? "", /^[1-9]\d*$/);
  assert.deepEqual(await refusal(refused), [503, "OVERLOADED"]);
  for (const answer of taken) assert.equal((await answer).status, 200);
  assert.ok((await model.predict({ id: "again" })).ok);
  assert.ok(!said(model, "began over"));
});

test("a full queue refuses in bytes, too, and takes small ones while there is room", async (t) => {
  const model = await runModel(t, WAITING, { config: "runtime:\n  max_queue_bytes: 1MiB\n" });
  const first = model.predict({ ms: 500, id: "first" });
  await until(() => said(model, "began first"));
  const filler = "x".repeat(600_000);
  const second = model.predict({ id: 2, filler });
  await until(async () => (await readMetric(model.url, "purlin_queue_bytes")) > 600_000);
  assert.deepEqual(await refusal(await model.predict({ id: 3, filler })), [503, "OVERLOADED"]);
  const small = model.predict({ id: 4 });
  for (const answer of [first, second, small]) assert.equal((await answer).status, 200);
  assert.equal(await readMetric(model.url, "purlin_queue_bytes"), 0);
});

test("uploads under way count as queued with all that they declared; without a length, with what has come", async (t) => {
  const model = await runModel(t, WAITING, {
    config: "runtime:\n  max_queue_bytes: 1MiB\n  max_body_bytes: 100MiB\n",
  });
  const first = model.predict({ ms: 4000, id: "first" });
  await until(() => said(model, "began first"));
  const { port } = new URL(model.url);
  const upload = (head: string, body: string): { answer(): string; socket: Socket } => {
    let text = "";
    const socket = connect(Number(port), "127.0.0.1");
    t.after(() => socket.destroy());
    socket.on("error", () => undefined).on("data", (piece: Buffer) => (text += piece.toString()));
    socket.write(`POST /predict HTTP/1.1\r\nHost: x\r\n${head}\r\n\r\n${body}`);
    return { answer: () => text, socket };
  };
  const bytes = (): Promise<number> => readMetric(model.url, "purlin_queue_bytes");

  const declared = Array.from({ length: 10 }, () => upload("Content-Length: 900000", "x".repeat(1000)));
  await until(
    () => declared.filter(({ answer }) => /^HTTP\/1.1 503 .*OVERLOADED/s.test(answer())).length === 9,
  );
  assert.equal(await bytes(), 900_000);
  for (const { socket } of declared) socket.destroy();
  await until(async () => (await bytes()) === 0);

  const chunk = `${(200_000).toString(16)}\r\n${"x".repeat(200_000)}\r\n`;
  const growing = Array.from({ length: 10 }, () => upload("Transfer-Encoding: chunked", chunk.repeat(4)));
  await until(
    () => growing.filter(({ answer }) => /^HTTP\/1.1 503 .*OVERLOADED/s.test(answer())).length === 9,
  );
  assert.equal(await bytes(), 800_000);
  for (const { socket } of growing) socket.destroy();
  await until(async () => (await bytes()) === 0);
  assert.ok((await first).ok);
  // Alone, an upload may be larger than the queue.
  assert.ok((await model.predict({ id: 2, filler: "x".repeat(3_000_000) })).ok);
});

const DEADLINES: [name: string, config: string, headers: Record<string, string>][] = [
  ["runtime.predict_timeout_seconds", "runtime:\n  predict_timeout_seconds: 0.3\n", {}],
  ["x-request-timeout-ms", "", { "x-request-timeout-ms": "300" }],
  ["the shorter of both", "runtime:\n  predict_timeout_seconds: 30\n", { "x-request-timeout-ms": "300" }],
];

for (const [name, config, headers] of DEADLINES) {
  test(`deadline by ${name}: 504 in time, the signal aborts, what waited too long is never started`, async (t) => {
    const model = await runModel(t, WAITING, { config });
    const began = performance.now();
    const first = model.predict({ ms: 900, id: "first" }, { headers });
    await until(() => said(model, "began first"));
    const second = model.predict({ id: "second" }, { headers });
    assert.deepEqual(await refusal(await first), [504, "DEADLINE_EXCEEDED"]);
    assert.deepEqual(await refusal(await second), [504, "DEADLINE_EXCEEDED"]);
    assert.ok(performance.now() - began < 800, "the answers came in time");
    await until(() => said(model, "ended first aborted=true"));
    assert.ok((await model.predict({ id: "third" })).ok);
    assert.ok(!said(model, "began second"));
  });
}

test("what is no whole number of milliseconds in x-request-timeout-ms is refused", async (t) => {
  const model = await runModel(t, WAITING);
  for (const value of ["", "soon", "-5", "0", "1.5", "1e3", "9007199254740992"]) {
    const answer = await model.predict({ id: value }, { headers: { "x-request-timeout-ms": value } });
    assert.deepEqual(
      [answer.status, ((await answer.json()) as { code: string }).code],
      [400, "INVALID_REQUEST"],
      value,
    );
  }
});

test("a very long deadline does not pass at once", async (t) => {
  const model = await runModel(t, WAITING);
  const answer = await model.predict(
    { ms: 50, id: 1 },
    { headers: { "x-request-timeout-ms": "99999999999" } },
  );
  assert.equal(answer.status, 200);
});

test("10,000 cancelled requests, queued, running and streaming, leave every slot free", async (t) => {
  // None of them can be answered: they wait, react late, or stream without end. Nothing is printed.
  const source = `
    let running = 0, most = 0;
    const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    export class Model {
      async predict(kind, { signal }) {
        if (kind === "stream") return this.stream();
        running += 1; most = Math.max(most, running);
        if (kind !== "answer" && !signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve));
        if (kind !== "quick") await wait(kind === "answer" ? 200 : 3);
        running -= 1;
        return { most };
      }
      async *stream() { for (;;) { yield "item"; await wait(1); } }
    }`;
  const model = await runModel(t, source, { config: "runtime:\n  predict_concurrency: 4\n" });
  const { hostname, port } = new URL(model.url);
  /** Connections that the server gave up first. */
  const cut: string[] = [];
  const cancelled = async (kind: string, afterMs: number): Promise<void> => {
    const body = JSON.stringify(kind);
    const socket = connect(Number(port), hostname);
    let left = false;
    const closed = new Promise<void>((resolve) => socket.once("close", resolve));
    socket.on("error", (error) => cut.push(error.message));
    socket.on("end", () => left || cut.push("the server ended the connection"));
    const request = `POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    await new Promise((resolve) => socket.write(request, resolve));
    await delay(afterMs);
    left = true;
    socket.destroy();
    await closed;
  };
  let next = 0;
  const client = async (): Promise<void> => {
    while (next < 10_000) {
      next += 1;
      await cancelled(["quick", "stream", "late"][next % 3] as string, next % 4);
    }
  };
  await Promise.all(Array.from({ length: 100 }, client));
  await until(async () => (await inFlight(model)) === 0 && (await queued(model)) === 0, {
    what: "all to be over",
  });
  const count = await readMetric(model.url, "purlin_cancellations_total");
  assert.deepEqual(cut, []);
  assert.equal(count, 10_000);
  const answers = await Promise.all(
    [1, 2, 3, 4].map(async () => (await model.predict("answer")).json() as Promise<{ most: number }>),
  );
  assert.equal(Math.max(...answers.map(({ most }) => most)), 4);
});
