import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { it } from "node:test";
import { runModel } from "../helpers/run-model.ts";
import { until } from "../helpers/until.ts";

interface Span {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  status?: { code: number };
}

const MODEL = `export class Model {
  preprocess(x) { return new Promise((resolve) => setTimeout(() => resolve(x), 5)); }
  predict(x) { if (x === "fail") throw new Error("no"); return new Promise((resolve) => setTimeout(() => resolve(x), 5)); }
}`;

it("spans of a request reach an OTLP receiver, below the caller's; unsampled and lost receivers cost nothing", async (t) => {
  const spans: Span[] = [];
  const receiver = createServer((req, res) => {
    let body = "";
    req.on("data", (chunk) => (body += String(chunk)));
    req.on("end", () => {
      assert.equal(req.url, "/v1/traces");
      assert.equal(req.headers["x-key"], "a b");
      const [{ scopeSpans }] = JSON.parse(body).resourceSpans;
      spans.push(...scopeSpans.flatMap((scope: { spans: Span[] }) => scope.spans));
      res.end("{}");
    });
  });
  await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
  t.after(() => receiver.close());
  const endpoint = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`;
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_EXPORTER_OTLP_HEADERS: "x-key=a%20b" };
  const { predict } = await runModel(t, MODEL, { env });
  const [traceId, parentId] = ["0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"];
  const call = (input: string, flags: string): Promise<Response> =>
    predict(input, { headers: { traceparent: `00-${traceId}-${parentId}-${flags}` } });
  await call("x", "01");
  await call("unsampled", "00");
  await predict("fail");
  await until(() => spans.filter(({ name }) => name === "POST /predict").length === 2);
  const [root] = spans.filter((span) => span.traceId === traceId && span.name === "POST /predict");
  assert.equal(root?.parentSpanId, parentId);
  const below = spans.filter(({ parentSpanId }) => parentSpanId === root?.spanId);
  assert.deepEqual(new Set(below.map(({ name }) => name)), new Set(["preprocess", "queue", "predict"]));
  for (const { startTimeUnixNano: start, endTimeUnixNano: end } of below)
    assert.ok(BigInt(end) >= BigInt(start));
  const failed = spans.find(({ status }) => status?.code === 2);
  assert.notEqual(failed?.traceId, traceId);
  receiver.close();
  receiver.closeAllConnections();
  assert.equal((await predict("x")).status, 200);
});
