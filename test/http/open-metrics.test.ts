// OpenMetrics: what becomes of each kind of metric, and who gets it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { toOpenMetrics, wantsOpenMetrics } from "../../src/http/open-metrics.ts";
import { runModel } from "../helpers/run-model.ts";

test("it is for scrapers that prefer it", () => {
  const open = "application/openmetrics-text";
  const cases: [string | undefined, boolean][] = [
    [undefined, false],
    ["*/*", false],
    ["text/plain", false],
    [open, true],
    [
      `${open};version=1.0.0;q=0.5,${open};version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2`,
      true,
    ],
    [`${open};q=0.1, text/plain;q=0.9`, false],
    [`${open};q=0`, false],
    [`${open};q=x`, false],
    [open.toUpperCase(), true],
  ];
  for (const [accept, wanted] of cases) assert.equal(wantsOpenMetrics(accept), wanted, accept);
});

test("counters lose their ending in the head and have it in each sample; numbers in labels are floats", () => {
  const page = [
    '# HELP a_total Says "a".',
    "# TYPE a_total counter",
    'a_total{x="1", y="q\\"}"} 2 1500',
    "# TYPE b counter",
    "b 3",
    "# TYPE h histogram",
    'h_bucket{le="1"} 1',
    'h_bucket{le="+Inf"} 1',
    "h_sum 0.5",
    "h_count 1",
    "# TYPE s summary",
    's{quantile="1"} 2',
    "# TYPE g untyped",
    "g NaN",
    "# TYPE c gauge",
    "c 1",
    "# TYPE c_total counter",
    "c_total 2",
    "not a metric at all",
    "",
  ].join("\n");
  assert.equal(
    toOpenMetrics(page),
    [
      "# TYPE a counter",
      '# HELP a Says \\"a\\".',
      'a_total{x="1",y="q\\"}"} 2 1.5',
      "# TYPE b counter",
      "b_total 3",
      "# TYPE h histogram",
      'h_bucket{le="1.0"} 1',
      'h_bucket{le="+Inf"} 1',
      "h_sum 0.5",
      "h_count 1",
      "# TYPE s summary",
      's{quantile="1.0"} 2',
      "# TYPE g unknown",
      "g NaN",
      "# TYPE c gauge",
      "c 1",
      "# TYPE c_total unknown",
      "c_total 2",
      "# EOF",
      "",
    ].join("\n"),
  );
});

test("a running model answers in the format that is asked for", async (t) => {
  const { url, predict } = await runModel(t, "export class Model { predict(x) { return x; } }");
  await predict(1);
  const ask = (accept: string): Promise<Response> => fetch(`${url}/metrics`, { headers: { accept } });
  const [open, plain] = await Promise.all([ask("application/openmetrics-text"), ask("text/plain")]);
  assert.equal(
    open.headers.get("content-type"),
    "application/openmetrics-text; version=1.0.0; charset=utf-8",
  );
  assert.equal(plain.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  const [openText, plainText] = await Promise.all([open.text(), plain.text()]);
  assert.ok(openText.endsWith("\n# EOF\n") && !plainText.includes("# EOF"));
  assert.match(
    openText,
    /# TYPE purlin_requests counter\n.*\npurlin_requests_total\{route="\/predict",status="200"\} 1\n/,
  );
});
