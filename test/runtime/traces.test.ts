// Model contract §6, issue 5 point 8: traces over OTLP, against a receiver in a process of its own.
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { test } from "node:test";
import { WebSocket } from "ws";
import { type OtlpReceiver, type Received, startOtlpReceiver } from "../helpers/otlp-receiver.ts";
import { readMetric } from "../helpers/read-metric.ts";
import { runModel } from "../helpers/run-model.ts";
import { until } from "../helpers/until.ts";

type Span = Received["spans"][number];

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const PARENT = "b7ad6b7169203331";
const MODEL = `
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
export class Model {
  async preprocess(x) { await wait(5); return x; }
  async predict(x, request) {
    if (x === "fail") throw new TypeError("no such thing");
    if (x === "hang") { console.log("hangs"); await new Promise(() => {}); }
    await wait(5);
    console.log("predicting");
    return { traceparent: request.headers.get("traceparent"), tracestate: request.headers.get("tracestate") };
  }
  async postprocess(x) { await wait(5); return x; }
  async *chatCompletions() { yield "a"; await wait(30); yield "b"; }
}`;

/** Waits until that many spans with the name have come; nothing that came could not be decoded. */
async function spansNamed(receiver: OtlpReceiver, name: string, count: number): Promise<Span[]> {
  const all = await until(
    async () => {
      const { spans } = await receiver.received();
      return spans.filter((span) => span.name === name).length >= count ? spans : null;
    },
    { timeout: 20_000, what: `${count} spans ${name}` },
  );
  assert.deepEqual((await receiver.received()).problems, []);
  return all;
}

const envOf = ({ url }: { url: string }, more: Record<string, string> = {}): Record<string, string> => ({
  OTEL_EXPORTER_OTLP_ENDPOINT: url,
  OTEL_METRICS_EXPORTER: "none",
  OTEL_BSP_SCHEDULE_DELAY: "50",
  ...more,
});

test("a request's phases are spans below the request's, which is below the caller's; times lie within each other", async (t) => {
  const receiver = await startOtlpReceiver(t);
  const { predict, logs } = await runModel(t, MODEL, {
    env: envOf(receiver, {
      OTEL_EXPORTER_OTLP_HEADERS: "x-key=a%20b,x-other=1",
      OTEL_EXPORTER_OTLP_TRACES_HEADERS: "x-other=2",
      OTEL_SERVICE_NAME: "caps",
      OTEL_RESOURCE_ATTRIBUTES: "deployment.environment=test,service.name=lost",
    }),
  });
  const headers = { traceparent: `00-${TRACE}-${PARENT}-01`, tracestate: "vendor=1", "x-request-id": "r-1" };
  const seen = (await (await predict("x", { headers })).json()) as Record<string, string>;
  const spans = await spansNamed(receiver, "postprocess", 1);
  await spansNamed(receiver, "POST /predict", 1);
  const root = (await receiver.received()).spans.find(({ name }) => name === "POST /predict");
  assert.ok(root);
  assert.deepEqual(
    [root.traceId, root.parentSpanId, root.kind, root.traceState],
    [TRACE, PARENT, 2, "vendor=1"],
  );
  assert.equal(root.attributes["http.response.status_code"], 200);
  assert.equal(root.attributes["purlin.request_id"], "r-1");
  assert.equal(root.attributes["purlin.worker"], 1);
  const phases = ["preprocess", "queue", "predict", "postprocess"].map((name) => {
    const span = spans.concat(root).find((each) => each.name === name) as Span;
    assert.deepEqual([span?.traceId, span?.parentSpanId], [TRACE, root.spanId], name);
    return span;
  });
  // The two processes' clocks agree within a fraction of a millisecond.
  const slack = 2_000_000n;
  let last = BigInt(root.start) - slack;
  for (const { name, start, end } of phases) {
    assert.ok(BigInt(start) + slack >= last, `${name} begins too early`);
    assert.ok(BigInt(end) <= BigInt(root.end) + slack, `${name} ends too late`);
    last = BigInt(start);
    if (name !== "queue") assert.ok(BigInt(end) - BigInt(start) >= 4_000_000n, `${name} took 5 ms`);
  }
  // What user code passes on is the context of this request, not of the caller.
  assert.deepEqual(seen, { traceparent: `00-${TRACE}-${root.spanId}-01`, tracestate: "vendor=1" });
  const { resources, headers: sent } = await receiver.received();
  assert.equal(resources[0]?.attributes["service.name"], "caps");
  assert.equal(resources[0]?.attributes["deployment.environment"], "test");
  assert.deepEqual([sent[0]?.["x-key"], sent[0]?.["x-other"]], ["a b", "2"]);
  const said = await until(() => logs().find(({ message }) => message === "predicting"));
  const predictSpan = phases[2] as Span;
  assert.deepEqual(
    [said["trace_id"], said["span_id"], said["request_id"]],
    [TRACE, predictSpan.spanId, "r-1"],
  );
  const logged = await until(() => logs().find(({ status }) => status === 200));
  assert.deepEqual([logged["trace_id"], logged["worker"]], [TRACE, 1]);
});

test("failures, streams, refusals and cancelled requests are told as what they are", async (t) => {
  const receiver = await startOtlpReceiver(t);
  const model = await runModel(t, MODEL, { env: envOf(receiver) });
  assert.equal((await model.predict("fail")).status, 500);
  const roots = (await spansNamed(receiver, "POST /predict", 1)).filter(({ kind }) => kind === 2);
  assert.deepEqual([roots[0]?.status, roots[0]?.attributes["error.type"]], [2, "MODEL_ERROR"]);
  const failed = (await spansNamed(receiver, "predict", 1)).find(({ name }) => name === "predict");
  assert.equal(failed?.status, 2);
  assert.deepEqual(failed.events, [
    {
      name: "exception",
      attributes: { "exception.type": "TypeError", "exception.message": "no such thing" },
    },
  ]);

  await (await fetch(`${model.url}/v1/chat/completions`, { method: "POST", body: "{}" })).text();
  const stream = (await spansNamed(receiver, "chatCompletions", 1)).find(
    ({ name }) => name === "chatCompletions",
  );
  assert.ok(
    BigInt(stream?.end ?? 0) - BigInt(stream?.start ?? 0) >= 28_000_000n,
    "the span lasts as the stream does",
  );

  const out = await model.predict("hang", { headers: { "x-request-timeout-ms": "100" } });
  assert.equal(out.status, 504);
  const all = await spansNamed(receiver, "POST /predict", 2);
  const late = all.find((span) => span.attributes["error.type"] === "DEADLINE_EXCEEDED");
  assert.equal(late?.status, 2);
});

test("who samples: the caller by default, or as OTEL_TRACES_SAMPLER says; what is not sampled is carried on", async (t) => {
  const receiver = await startOtlpReceiver(t);
  const cases: { sampler: Record<string, string>; sampled: boolean; unsampled: boolean; own: boolean }[] = [
    { sampler: {}, sampled: true, unsampled: false, own: true },
    { sampler: { OTEL_TRACES_SAMPLER: "always_off" }, sampled: false, unsampled: false, own: false },
    { sampler: { OTEL_TRACES_SAMPLER: "always_on" }, sampled: true, unsampled: true, own: true },
    {
      sampler: { OTEL_TRACES_SAMPLER: "parentbased_traceidratio", OTEL_TRACES_SAMPLER_ARG: "0" },
      sampled: true,
      unsampled: false,
      own: false,
    },
  ];
  for (const [i, { sampler, ...expected }] of cases.entries()) {
    const { predict } = await runModel(t, MODEL, { env: envOf(receiver, sampler) });
    const call = async (id: string, flags?: string): Promise<string> => {
      const headers: Record<string, string> = { "x-request-id": `${i}-${id}` };
      if (flags !== undefined) headers["traceparent"] = `00-${TRACE}-${PARENT}-${flags}`;
      return ((await (await predict("x", { headers })).json()) as { traceparent: string }).traceparent;
    };
    const flagsOf = {
      sampled: await call("sampled", "01"),
      unsampled: await call("unsampled", "00"),
      own: await call("own"),
    };
    for (const [name, traceparent] of Object.entries(flagsOf)) {
      assert.match(traceparent, /^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$/);
      const isSampled = expected[name as keyof typeof expected];
      assert.equal(traceparent.endsWith("-01"), isSampled, `${i} ${name}`);
      if (name !== "own") assert.ok(traceparent.includes(TRACE));
    }
    const wanted = Object.values(expected).filter(Boolean).length;
    const own = async (): Promise<Span[]> =>
      (await receiver.received()).spans.filter((span) =>
        String(span.attributes["purlin.request_id"]).startsWith(`${i}-`),
      );
    await until(async () => (await own()).length === wanted, {
      timeout: 20_000,
      what: `${wanted} roots of case ${i}`,
    });
  }
});

test("a ratio takes about its share of traces", async (t) => {
  const receiver = await startOtlpReceiver(t);
  const { predict } = await runModel(
    t,
    "export class Model { predict(_, r) { return r.headers.get('traceparent'); } }",
    {
      env: envOf(receiver, { OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: "0.25" }),
    },
  );
  let sampled = 0;
  for (let i = 0; i < 400; i++)
    if (((await (await predict(1)).json()) as string).endsWith("-01")) sampled += 1;
  // Nine standard deviations.
  assert.ok(sampled > 20 && sampled < 180, `${sampled} of 400`);
  await spansNamed(receiver, "POST /predict", sampled);
});

test("a receiver that puts off gets them later; one that is lost costs a warning and no request", async (t) => {
  const receiver = await startOtlpReceiver(t);
  const model = await runModel(t, MODEL, { env: envOf(receiver) });
  await receiver.refuse(2, 503);
  await model.predict("x");
  await spansNamed(receiver, "POST /predict", 1);
  assert.equal((await receiver.received()).refused, 2);
  await receiver.refuse(1, 400);
  await model.predict("x");
  await until(() =>
    model.logs().some(({ level, message }) => level === "warn" && /answered 400/.test(message)),
  );
  await receiver.stop();
  for (let i = 0; i < 20; i++) assert.equal((await model.predict("x")).status, 200);
});

test("what is left is sent when the runtime stops; what cannot be done as asked is said", async (t) => {
  const receiver = await startOtlpReceiver(t);
  const { predict, runtime, logs } = await runModel(t, MODEL, {
    env: envOf(receiver, {
      OTEL_BSP_SCHEDULE_DELAY: "600000",
      OTEL_EXPORTER_OTLP_PROTOCOL: "grpc",
      OTEL_TRACES_SAMPLER: "sometimes",
    }),
  });
  await predict("x");
  assert.equal((await receiver.received()).spans.length, 0);
  await runtime.stop();
  const { spans } = await receiver.received();
  assert.deepEqual(
    new Set(spans.map(({ name }) => name)),
    new Set(["POST /predict", "queue", "preprocess", "predict", "postprocess"]),
  );
  for (const said of [/gRPC is not spoken/, /OTEL_TRACES_SAMPLER knows/])
    assert.ok(
      logs().some(({ level, message }) => level === "warn" && said.test(message)),
      String(said),
    );
});

test("a receiver that takes and never answers keeps the runtime neither from serving nor from ending", async (t) => {
  const sockets = new Set<Socket>();
  const hanging = createServer((socket) => {
    sockets.add(socket.on("error", () => undefined));
  });
  await new Promise<void>((resolve) => hanging.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    hanging.close();
  });
  const url = `http://127.0.0.1:${(hanging.address() as AddressInfo).port}`;
  const { predict, runtime } = await runModel(t, MODEL, { env: envOf({ url }) });
  for (let i = 0; i < 5; i++) assert.equal((await predict("x")).status, 200);
  await until(() => sockets.size > 0);
  await runtime.stop({ graceMs: 30_000 });
  assert.deepEqual(await runtime.exited, { code: 0, signal: null });
});

test("a secret in a span is masked", async (t) => {
  const receiver = await startOtlpReceiver(t);
  const { predict } = await runModel(
    t,
    `export class Model { constructor({ secrets }) { this.secrets = secrets; } predict() { throw new Error("with " + this.secrets.token); } }`,
    { config: "secrets: { token: null }", env: envOf(receiver, { PURLIN_SECRET_TOKEN: "hush-4711" }) },
  );
  await predict("x");
  const spans = await spansNamed(receiver, "predict", 1);
  const [event] = spans.flatMap(({ events }) => events);
  assert.equal(event?.attributes["exception.message"], "with ***");
});

test("config.yaml can ask for it, and a WebSocket is a span as long as it is open", async (t) => {
  const receiver = await startOtlpReceiver(t);
  const model = await runModel(
    t,
    `export class Model { async websocket(socket) { for await (const message of socket) { console.log("heard"); await socket.send(message); } } }`,
    {
      config: `environment_variables: { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "${receiver.url}/v1/traces", OTEL_BSP_SCHEDULE_DELAY: "50" }`,
    },
  );
  const socket = new WebSocket(`${model.url.replace("http", "ws")}/v1/websocket`, {
    headers: { traceparent: `00-${TRACE}-${PARENT}-01` },
  });
  await once(socket, "open");
  socket.send("x");
  await once(socket, "message");
  socket.close();
  const spans = await spansNamed(receiver, "websocket", 1);
  const inner = spans.find(({ name }) => name === "websocket");
  const all = await spansNamed(receiver, "GET /v1/websocket", 1);
  const outer = all.find(({ name }) => name === "GET /v1/websocket");
  assert.deepEqual([outer?.traceId, outer?.parentSpanId], [TRACE, PARENT]);
  assert.deepEqual([inner?.traceId, inner?.parentSpanId], [TRACE, outer?.spanId]);
  const said = await until(() => model.logs().find(({ message }) => message === "heard"));
  assert.deepEqual([said["trace_id"], said["span_id"]], [TRACE, inner?.spanId]);
});

test("none of it is loaded or done where nothing asks for it", async (t) => {
  const off: Record<string, string>[] = [
    {},
    { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9", OTEL_SDK_DISABLED: "true" },
  ];
  for (const env of off) {
    const { predict, logs } = await runModel(
      t,
      `export class Model { predict(_, request) { return [request.headers.get("traceparent"), typeof globalThis[Symbol.for("purlin.opentelemetry")]]; } }`,
      { env },
    );
    const traceparent = `00-${TRACE}-${PARENT}-01`;
    const [seen, hook] = (await (await predict("x", { headers: { traceparent } })).json()) as unknown[];
    assert.deepEqual([seen, hook], [traceparent, "undefined"]);
    assert.ok(!logs().some(({ level }) => level === "warn"));
  }
});

test("the rows of a batch have a span each, below their own requests; what user code traces is below the first one's", async (t) => {
  const receiver = await startOtlpReceiver(t);
  const source = `
    let open = () => {};
    export class Model {
      async predictBatch(rows) {
        if (rows[0] === "gate") await new Promise((resolve) => (open = resolve));
        return rows;
      }
      completions() { open(); return null; }
    }`;
  const model = await runModel(t, source, {
    config: "runtime: {batching: {max_size: 8}}",
    env: envOf(receiver),
  });
  const queued = (): Promise<number> => readMetric(model.url, "purlin_queue_depth");
  const gate = model.predict("gate");
  await until(async () => (await readMetric(model.url, "purlin_requests_in_flight")) === 1);
  const rows = ["b", "c"].map((row) => model.predict(row));
  await until(async () => (await queued()) === 2);
  await fetch(`${model.url}/v1/completions`, { method: "POST", body: "null" });
  for (const answer of [gate, ...rows]) assert.equal((await answer).status, 200);
  const spans = (await spansNamed(receiver, "predictBatch", 3)).filter(({ name }) => name === "predictBatch");
  const all = (await receiver.received()).spans;
  const parents = spans.map(({ parentSpanId }) => all.find(({ spanId }) => spanId === parentSpanId)?.name);
  assert.deepEqual(parents, Array(3).fill("POST /predict"));
  assert.equal(new Set(spans.map(({ traceId }) => traceId)).size, 3);
});
