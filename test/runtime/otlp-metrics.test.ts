// Issue 5 point 8: what /metrics shows also goes out over OTLP, with the same names, labels and figures.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ReceivedPoint } from "../helpers/decode-otlp.ts";
import { type OtlpReceiver, startOtlpReceiver } from "../helpers/otlp-receiver.ts";
import { runModel } from "../helpers/run-model.ts";
import { until } from "../helpers/until.ts";

const MODEL = `
let hits = 0;
globalThis[Symbol.for("purlin.prometheus")] = {
  async getMetricsAsJSON() {
    return [
      { name: "hits_total", help: "Hits.", type: "counter", values: [{ value: hits, labels: { kind: "a" } }] },
      { name: "level", help: "Level.", type: "gauge", values: [{ value: Number.NaN, labels: {} }] },
      { name: "sizes", help: "Sizes.", type: "histogram", values: [
        { labels: { le: 1 }, value: hits, metricName: "sizes_bucket" }, { labels: { le: 10 }, value: hits + 2, metricName: "sizes_bucket" },
        { labels: { le: "+Inf" }, value: hits + 3, metricName: "sizes_bucket" }, { labels: {}, value: 40.5, metricName: "sizes_sum" }, { labels: {}, value: hits + 3, metricName: "sizes_count" } ] },
      { name: "times", help: "Times.", type: "summary", values: [
        { labels: { quantile: 0.5 }, value: 7 }, { labels: {}, value: 9, metricName: "times_sum" }, { labels: {}, value: 2, metricName: "times_count" } ] },
    ];
  },
};
export class Model { predict(x) { hits++; if (x === "fail") throw new Error("no"); return x; } }`;

/** The first export in which that is so. */
async function exported(
  receiver: OtlpReceiver,
  holds: (find: (name: string, attributes?: object) => ReceivedPoint | undefined) => boolean,
): Promise<(name: string, attributes?: object) => ReceivedPoint | undefined> {
  const finder =
    (points: ReceivedPoint[]) =>
    (name: string, attributes: object = {}): ReceivedPoint | undefined =>
      points.find(
        (point) => point.name === name && JSON.stringify(point.attributes) === JSON.stringify(attributes),
      );
  const found = await until(
    async () => {
      const { exports, problems } = await receiver.received();
      assert.deepEqual(problems, []);
      return exports.map(finder).find((find) => holds(find));
    },
    { timeout: 20_000, what: "an export that holds" },
  );
  return found;
}

test("counters, gauges, histograms and summaries, of the runtime and of prom-client, arrive as they are", async (t) => {
  const receiver = await startOtlpReceiver(t);
  const { predict, url } = await runModel(t, MODEL, {
    env: {
      OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: `${receiver.url}/v1/metrics`,
      OTEL_EXPORTER_OTLP_METRICS_HEADERS: "x-key=k",
      OTEL_METRIC_EXPORT_INTERVAL: "100",
      OTEL_SERVICE_NAME: "caps",
    },
  });
  for (const input of [1, 2, "fail"]) await predict(input);
  const find = await exported(receiver, (of) => of("hits_total", { kind: "a" })?.value === 3);
  const requests = find("purlin_requests_total", { route: "/predict", status: "200" });
  assert.deepEqual([requests?.type, requests?.value], ["sum", 2]);
  assert.equal(find("purlin_requests_total", { route: "/predict", status: "500" })?.value, 1);
  const total = find("purlin_total_duration_seconds");
  assert.deepEqual([total?.type, total?.value, total?.unit], ["histogram", 3, "s"]);
  assert.ok((total?.sum ?? 0) > 0);
  assert.deepEqual([find("purlin_ready")?.type, find("purlin_ready")?.value], ["gauge", 1]);
  assert.equal(find("purlin_resident_memory_bytes", { process: "front" })?.unit, "By");
  const sizes = find("sizes");
  assert.deepEqual([sizes?.bounds, sizes?.buckets, sizes?.sum, sizes?.value], [[1, 10], [3, 2, 1], 40.5, 6]);
  assert.equal(find("level")?.type, "gauge");
  const times = find("times");
  assert.deepEqual([times?.type, times?.value, times?.sum], ["summary", 2, 9]);
  const received = await receiver.received();
  assert.equal(received.headers[0]?.["x-key"], "k");
  assert.equal(received.resources[0]?.attributes["service.name"], "caps");
  assert.deepEqual(received.spans, [], "no traces were asked for");

  // Every family that the page has and that has a sample.
  const page = await (await fetch(`${url}/metrics`)).text();
  assert.match(page, /^level NaN$/m);
  const names = [...page.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name as string);
  const sampled = names.filter((name) => new RegExp(`^${name}(_bucket|_sum|_count)?[{ ]`, "m").test(page));
  const sent = new Set((await receiver.received()).exports.at(-1)?.map(({ name }) => name));
  assert.deepEqual(
    sampled.filter((name) => !sent.has(name)),
    [],
  );
});

test("what was counted last is sent when the runtime stops", async (t) => {
  const receiver = await startOtlpReceiver(t);
  const { predict, runtime } = await runModel(t, MODEL, {
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_TRACES_EXPORTER: "none" },
  });
  for (let i = 0; i < 5; i++) await predict(i);
  await runtime.stop();
  const find = await exported(receiver, () => true);
  assert.equal(find("hits_total", { kind: "a" })?.value, 5);
  assert.equal(find("purlin_requests_total", { route: "/predict", status: "200" })?.value, 5);
  assert.deepEqual((await receiver.received()).spans, []);
});
