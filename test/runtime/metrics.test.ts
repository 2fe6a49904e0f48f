import assert from "node:assert/strict";
import { once } from "node:events";
import { it } from "node:test";
import { WebSocket } from "ws";
import { type RunningModel, runModel } from "../helpers/run-model.ts";
import { until } from "../helpers/until.ts";

/** What the bundler's prom-client wrapper leaves on globalThis: the default registry. */
const REGISTRY = `
const values = { hits: 0 };
globalThis[Symbol.for("purlin.prometheus")] = {
  async getMetricsAsJSON() {
    return [
      { name: "user_hits_total", help: "Hits.", type: "counter", values: [{ value: values.hits, labels: { kind: "a" } }] },
      { name: "user_level", help: "Level.", type: "gauge", values: [{ value: 2, labels: {} }] },
    ];
  },
};`;

async function metrics(model: RunningModel): Promise<(name: string) => number> {
  const text = await (await fetch(`${model.url}/metrics`)).text();
  return (name) => {
    const line = text.split("\n").find((each) => each.startsWith(`${name} `));
    return line === undefined ? Number.NaN : Number(line.slice(name.length + 1));
  };
}

it("requests, phases and gauges are counted where they happen", async (t) => {
  const model = await runModel(
    t,
    `export class Model {
      preprocess(x) { return x; } postprocess(x) { return x; }
      async predict(x) { if (x === "fail") throw new Error("no"); await new Promise((r) => setTimeout(r, 20)); return x; }
    }`,
  );
  for (const input of [1, 2, 3, "fail"]) await model.predict(input);
  await fetch(`${model.url}/nope`);
  const value = await metrics(model);
  assert.equal(value('purlin_requests_total{route="/predict",status="200"}'), 3);
  assert.equal(value('purlin_requests_total{route="/predict",status="500"}'), 1);
  assert.equal(value('purlin_requests_total{route="other",status="404"}'), 1);
  assert.equal(value("purlin_queue_duration_seconds_count"), 4);
  assert.equal(value("purlin_total_duration_seconds_count"), 4);
  assert.equal(value('purlin_predict_duration_seconds_bucket{le="0.01"}'), 0);
  assert.equal(value('purlin_predict_duration_seconds_bucket{le="+Inf"}'), 3);
  assert.equal(value("purlin_ready"), 1);
  assert.equal(value("purlin_requests_in_flight"), 0);
  await until(async () => (await metrics(model))('purlin_resident_memory_bytes{process="model-1"}') > 1e7);
  assert.ok(
    !model.logs().some(({ message }) => message.includes("/metrics")),
    "metrics routes are not logged",
  );
});

it("user metrics are summed over processes, also when one is replaced", async (t) => {
  const model = await runModel(
    t,
    `${REGISTRY}\nexport class Model { async predict() { values.hits++; await new Promise((r) => setTimeout(r, 2)); return process.pid; } }`,
    { config: "runtime: {workers: 2}" },
  );
  const pids = await Promise.all(
    Array.from({ length: 40 }, async () => (await (await model.predict(1)).json()) as number),
  );
  assert.equal(new Set(pids).size, 2, "both processes work");
  const hits = 'user_hits_total{kind="a"}';
  assert.equal((await metrics(model))(hits), 40);
  assert.equal((await metrics(model))("user_level"), 4);
  await model.runtime.reload({ dir: model.dir, digest: "sha256:next" }, "process");
  await until(async () => (await metrics(model))(hits) === 40, {
    what: "the ended processes' counts to be kept",
  });
  await model.predict(1);
  assert.equal((await metrics(model))(hits), 41);
});

it("one process's death leaves the others serving and the runtime ready", async (t) => {
  const model = await runModel(
    t,
    `export class Model { async predict(x) { if (x === "die") process.exit(4); await new Promise((r) => setTimeout(r, 5)); return process.pid; } }`,
    { config: "runtime: {workers: 2}" },
  );
  const death = model.predict("die");
  const others = await Promise.all(Array.from({ length: 20 }, () => model.predict(1)));
  assert.equal((await death).status, 503);
  assert.deepEqual(new Set(others.map(({ status }) => status)), new Set([200]));
  assert.equal((await fetch(`${model.url}/health/ready`)).status, 200);
  const value = await metrics(model);
  assert.equal(value('purlin_model_restarts_total{reason="exit-code-4"}'), 1);
});

it("a WebSocket that its client closes is no cancellation; one whose connection breaks is", async (t) => {
  const model = await runModel(
    t,
    `export class Model { async websocket(socket) { for await (const message of socket) await socket.send(message); console.log("over"); } }`,
  );
  const ended = async (times: number): Promise<void> => {
    await until(() => model.logs().filter(({ message }) => message === "over").length === times);
    await until(async () => (await metrics(model))("purlin_requests_in_flight") === 0);
  };
  for (const [i, leave] of [
    (socket: WebSocket) => socket.close(1000),
    (socket: WebSocket) => socket.close(),
    (socket: WebSocket) => socket.terminate(),
  ].entries()) {
    const socket = new WebSocket(`${model.url.replace("http", "ws")}/v1/websocket`);
    await once(socket, "open");
    socket.send("x");
    await once(socket, "message");
    leave(socket);
    await ended(i + 1);
    assert.equal((await metrics(model))("purlin_cancellations_total"), i < 2 ? 0 : 1);
  }
  assert.equal((await metrics(model))('purlin_requests_total{route="/v1/websocket",status="101"}'), 3);
});

it("requests out of time count as cancelled, whichever process sees it first", async (t) => {
  const source = `export class Model { async predict(x) { await new Promise((r) => setTimeout(r, 20)); return x; } }`;
  const model = await runModel(t, source);
  const headers = { "x-request-timeout-ms": "1" };
  for (let i = 0; i < 20; i++) assert.equal((await model.predict(i, { headers })).status, 504);
  assert.equal((await metrics(model))("purlin_cancellations_total"), 20);
});
