// Issue 5 point 8: spans that user code makes with the real @opentelemetry/api nest below the phase that runs.
import assert from "node:assert/strict";
import { symlink } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { bundleProject, makeProject, textOf } from "../helpers/build-project.ts";
import { type OtlpReceiver, type Received, startOtlpReceiver } from "../helpers/otlp-receiver.ts";
import { runModel, type RunningModel, writePackage } from "../helpers/run-model.ts";
import { until } from "../helpers/until.ts";

type Span = Received["spans"][number];

async function bundleOf(t: TestContext, model: string): Promise<string> {
  const project = await makeProject(t, { "model/model.ts": model });
  await symlink(fileURLToPath(new URL("../../node_modules", import.meta.url)), join(project, "node_modules"));
  return textOf(await bundleProject(project));
}

async function runTraced(t: TestContext, receiver: OtlpReceiver, model: string): Promise<RunningModel> {
  return runModel(t, await bundleOf(t, model), {
    env: {
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${receiver.url}/v1/traces`,
      OTEL_BSP_SCHEDULE_DELAY: "50",
    },
  });
}

async function spansWith(receiver: OtlpReceiver, names: string[]): Promise<(name: string) => Span> {
  const spans = await until(
    async () => {
      const { spans: all } = await receiver.received();
      return names.every((name) => all.some((span) => span.name === name)) ? all : null;
    },
    { timeout: 20_000, what: `spans ${names.join(", ")}` },
  );
  assert.deepEqual((await receiver.received()).problems, []);
  return (name) => {
    const found = spans.filter((span) => span.name === name);
    assert.equal(found.length, 1, `${found.length} spans ${name}`);
    return found[0] as Span;
  };
}

const MODEL = `
import { context, propagation, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
// Taken at the top of the file, before anything runs, as many do.
const tracer = trace.getTracer("caps", "1.2.3");
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
export class Model {
  load() { tracer.startSpan("warm").end(); }
  async preprocess(input: any) { tracer.startSpan("clean").end(); return input; }
  async predict(input: any) {
    return tracer.startActiveSpan("tokenize", { attributes: { "input.size": 3, ratio: 0.5, fine: true, tags: ["a", "b"] } }, async (outer) => {
      await wait(2);
      const inner = tracer.startSpan("encode", { kind: SpanKind.CLIENT });
      inner.addEvent("half", { at: 1 });
      try { throw new TypeError("odd"); } catch (error) { inner.recordException(error as Error); inner.setStatus({ code: SpanStatusCode.ERROR, message: "odd" }); }
      inner.end();
      const headers: Record<string, string> = {};
      propagation.inject(context.active(), headers);
      if (input.url) await fetch(input.url, { headers });
      outer.end();
      return { headers, outer: outer.spanContext().spanId };
    });
  }
}`;

test("what goes out carries the trace state and the baggage that came in, bounded and without what is malformed", async (t) => {
  const { predict } = await runTraced(t, await startOtlpReceiver(t), MODEL);
  const traceId = "0af7651916cd43dd8448eb211c80319c";
  const sent = async (more: Record<string, string>): Promise<Record<string, string>> => {
    const traceparent = `00-${traceId}-b7ad6b7169203331-01`;
    const answer = await predict({}, { headers: { traceparent, ...more } });
    return ((await answer.json()) as { headers: Record<string, string> }).headers;
  };
  const { traceparent, tracestate, baggage } = await sent({
    tracestate: "vendor=one, BAD=2 ,other@sys=x",
    baggage: "user=J%C3%BCrg, plan=a%20b;ttl=5, bad key=1",
  });
  assert.match(traceparent as string, new RegExp(`^00-${traceId}-`));
  assert.equal(tracestate, "vendor=one,other@sys=x");
  assert.equal(baggage, "user=J%C3%BCrg,plan=a%20b;ttl=5");
  const bare = await sent({});
  assert.deepEqual(Object.keys(bare), ["traceparent"]);
  const lone = await sent({ traceparent: "no parent", tracestate: "vendor=one", baggage: "a=1" });
  assert.deepEqual([lone["tracestate"], lone["baggage"]], [undefined, "a=1"], "the state is of that parent");
  const many = Array.from({ length: 40 }, (_, i) => `k${i}=1`);
  assert.equal((await sent({ tracestate: many.join(",") }))["tracestate"], many.slice(0, 32).join(","));
});

test("spans nest below predict, and below each other; what goes out carries the innermost", async (t) => {
  const receiver = await startOtlpReceiver(t);
  const heard: string[] = [];
  const other = createServer((req, res) => {
    heard.push(String(req.headers["traceparent"]));
    res.end();
  });
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    other.closeAllConnections();
    other.close();
  });
  const { predict } = await runTraced(t, receiver, MODEL);
  const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}/`;
  const traceId = "0af7651916cd43dd8448eb211c80319c";
  const answer = await predict({ url }, { headers: { traceparent: `00-${traceId}-b7ad6b7169203331-01` } });
  const { headers, outer } = (await answer.json()) as { headers: Record<string, string>; outer: string };
  const span = await spansWith(receiver, [
    "POST /predict",
    "predict",
    "preprocess",
    "tokenize",
    "encode",
    "clean",
    "warm",
  ]);
  assert.deepEqual(
    [span("tokenize").parentSpanId, span("encode").parentSpanId, span("clean").parentSpanId],
    [span("predict").spanId, span("tokenize").spanId, span("preprocess").spanId],
  );
  assert.equal(span("predict").parentSpanId, span("POST /predict").spanId);
  assert.deepEqual(
    new Set(["tokenize", "encode", "clean", "predict"].map((name) => span(name).traceId)),
    new Set([traceId]),
  );
  assert.equal(span("tokenize").spanId, outer);
  assert.deepEqual(
    [span("warm").parentSpanId, span("warm").traceId === traceId],
    ["", false],
    "load is no request",
  );
  for (const [inside, around] of [
    ["encode", "tokenize"],
    ["tokenize", "predict"],
    ["clean", "preprocess"],
  ] as const) {
    assert.ok(BigInt(span(inside).start) >= BigInt(span(around).start), `${inside} begins within ${around}`);
    assert.ok(BigInt(span(inside).end) <= BigInt(span(around).end), `${inside} ends within ${around}`);
  }
  assert.equal(headers["traceparent"], `00-${traceId}-${outer}-01`);
  assert.deepEqual(heard, [headers["traceparent"]]);
  assert.deepEqual(span("tokenize").attributes, {
    "input.size": 3,
    ratio: 0.5,
    fine: true,
    tags: ["a", "b"],
  });
  const { scope, kind, status, events } = span("encode");
  assert.deepEqual(
    [scope, kind, status, events.map(({ name }) => name)],
    ["caps", 3, 2, ["half", "exception"]],
  );
});

test("requests at the same time keep to their own traces; what is not sampled makes no spans and is passed on", async (t) => {
  const receiver = await startOtlpReceiver(t);
  const model = await runModel(t, await bundleOf(t, MODEL), {
    config: "runtime: { predict_concurrency: 16 }",
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_BSP_SCHEDULE_DELAY: "50" },
  });
  const ids = Array.from({ length: 40 }, (_, i) => String(i + 1).padStart(32, "0"));
  const passed = await Promise.all(
    ids.map(async (id, i) => {
      const traceparent = `00-${id}-b7ad6b7169203331-${i % 4 === 0 ? "00" : "01"}`;
      const answer = await model.predict({}, { headers: { traceparent } });
      return ((await answer.json()) as { headers: Record<string, string> }).headers["traceparent"] ?? "";
    }),
  );
  passed.forEach((traceparent, i) =>
    assert.match(traceparent, new RegExp(`^00-${ids[i]}-.*-${i % 4 === 0 ? "00" : "01"}$`)),
  );
  const count = (spans: Span[], name: string): number => spans.filter((span) => span.name === name).length;
  const spans = await until(
    async () => {
      const { spans: all } = await receiver.received();
      return ["POST /predict", "predict", "encode"].every((name) => count(all, name) === 30) ? all : null;
    },
    { timeout: 20_000 },
  );
  for (const each of spans.filter(({ name }) => name === "encode")) {
    const [above] = spans.filter(({ spanId }) => spanId === each.parentSpanId);
    assert.deepEqual([above?.name, above?.traceId], ["tokenize", each.traceId]);
  }
});

const OWN_SDK = `
import { ROOT_CONTEXT, trace, type Span } from "@opentelemetry/api";
const made: string[] = [];
const provider = { getTracer: () => ({
  startSpan(name: string) { made.push(name); return trace.wrapSpanContext({ traceId: "1".repeat(32), spanId: "2".repeat(16), traceFlags: 1 }); },
  startActiveSpan(name: string, run: (span: Span) => unknown) { return run(this.startSpan(name)); },
}) };
const isTaken = trace.setGlobalTracerProvider(provider as never);
export class Model {
  predict() { trace.getTracer("x").startSpan("mine").end(); return { isTaken, made, root: ROOT_CONTEXT !== undefined }; }
}`;

test("a model that brings an SDK of its own gets its way", async (t) => {
  const receiver = await startOtlpReceiver(t);
  const { predict } = await runTraced(t, receiver, OWN_SDK);
  assert.deepEqual(await (await predict(1)).json(), { isTaken: true, made: ["mine"], root: true });
  await spansWith(receiver, ["POST /predict", "predict"]);
  assert.ok(!(await receiver.received()).spans.some(({ name }) => name === "mine"));
});

test("another generation of the code, with a copy of the API of its own, is joined as the first one was", async (t) => {
  const receiver = await startOtlpReceiver(t);
  const model = await runTraced(t, receiver, MODEL);
  await model.predict({});
  await spansWith(receiver, ["encode"]);
  const dir = `${model.dir}-next`;
  await writePackage(dir, await bundleOf(t, MODEL.replaceAll('"encode"', '"encode again"')));
  const { kind } = await model.runtime.reload({ dir, digest: "sha256:next" }, "methods", { strict: true });
  assert.equal(kind, "methods");
  const traceId = "0af7651916cd43dd8448eb211c80319c";
  await model.predict({}, { headers: { traceparent: `00-${traceId}-b7ad6b7169203331-01` } });
  const span = await spansWith(receiver, ["encode again"]);
  assert.equal(span("encode again").traceId, traceId);
});

test("a model that uses the API runs as ever where nobody asks for traces", async (t) => {
  const { predict } = await runModel(t, await bundleOf(t, MODEL));
  const { headers, outer } = (await (await predict({})).json()) as { headers: object; outer: string };
  assert.deepEqual([headers, outer], [{}, "0".repeat(16)]);
});

test("a package that asks for the API where it happens to be installed still bundles without it", async (t) => {
  const project = await makeProject(t, {
    "node_modules/asks/package.json": '{"name":"asks","version":"1.0.0"}',
    "node_modules/asks/index.js":
      'let api = null; try { api = require("@opentelemetry/api"); } catch {} exports.has = api !== null;',
    "model/model.ts": 'import { has } from "asks"; export class Model { predict() { return has; } }',
  });
  const { predict } = await runModel(t, textOf(await bundleProject(project)));
  assert.equal(await (await predict(1)).json(), false);
});
