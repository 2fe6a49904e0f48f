import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { mergeMetrics } from "../../../src/server/api/merge-metrics.ts";

describe("pages of metrics", () => {
  it("become one page that has each family once, with the labels of each part", () => {
    const page = "# HELP a_total Some.\n# TYPE a_total counter\na_total 1\n";
    assert.equal(
      mergeMetrics([
        { labels: {}, text: page },
        { labels: { replica: "r1" }, text: `${page}b{x="1"} 2 1700000000000\n# EOF\nnot a sample\n` },
        { labels: { replica: "r2" }, text: page },
      ]),
      "# HELP a_total Some.\n# TYPE a_total counter\n" +
        'a_total 1\na_total{replica="r1"} 1\na_total{replica="r2"} 1\nb{replica="r1",x="1"} 2 1700000000000\n',
    );
  });

  it("keep the lines of a histogram together, and what only begins like one apart", () => {
    const text = '# TYPE h histogram\nh_bucket{le="+Inf"} 1\nh_sum 0.5\nh_count 1\nh_other 3\n';
    const lines = mergeMetrics([
      { labels: { replica: "r1" }, text },
      { labels: { replica: "r2" }, text },
    ]).split("\n");
    assert.deepEqual(
      lines.map((line) => line.replace(/[{ ].*/, "")),
      "# h_bucket h_sum h_count h_bucket h_sum h_count h_other h_other".split(" ").concat(""),
    );
  });

  it("let no model pass for another one: labels that are called like ours get another name", () => {
    const text = 'x{model="other",y="say \\"model=\\" }",replica = "z"} 1\n';
    assert.equal(
      mergeMetrics([{ labels: { model: "m", replica: "r" }, text }]),
      'x{model="m",replica="r",exported_model="other",y="say \\"model=\\" }",exported_replica= "z"} 1\n',
    );
  });
});
