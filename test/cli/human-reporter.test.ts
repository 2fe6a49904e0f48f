import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createHumanReporter } from "../../src/cli/report/human.ts";
import { plainStyle } from "../../src/cli/report/style.ts";
import { normalize } from "../helpers/normalize.ts";
import { until } from "../helpers/until.ts";

function reporter(options: { screen?: boolean; heartbeatMs?: number; verbose?: boolean } = {}) {
  let text = "";
  const report = createHumanReporter({
    write: (part) => {
      text += part;
    },
    style: plainStyle,
    verbose: false,
    screen: false,
    ...options,
  });
  return { report, text: () => text };
}

describe("the reporter for people", () => {
  it("without a terminal, gives a sign of life during long work, with what is done", async () => {
    const { report, text } = reporter({ heartbeatMs: 20 });
    report.emit({ type: "step", message: "packing data" });
    report.emit({ type: "progress", what: "hashing", done: 512, total: 2048, unit: "bytes" });
    await until(() => text().split("\n").length >= 4);
    report.settle();
    assert.match(
      text(),
      /^packing data\npacking data \(hashing: 512 B of 2\.0 KiB \(25 %\), \d+(\.\d)? ms\)\n/,
    );
    assert.doesNotMatch(text(), /\r|\u001B/);
  });

  it("is silent once the work is over", async () => {
    const { report, text } = reporter({ heartbeatMs: 5 });
    report.emit({ type: "step", message: "working" });
    report.settle();
    const before = text();
    await new Promise((resolve) => setTimeout(resolve, 30));
    assert.equal(text(), before);
  });

  it("on a terminal, draws one line and takes it away before others", () => {
    const { report, text } = reporter({ screen: true });
    report.emit({ type: "step", message: "bundling" });
    report.emit({ type: "note", message: "a note" });
    report.settle();
    assert.equal(text().match(/\n/g)?.length, 1);
    assert.match(text(), /\r\u001B\[2K. bundling\r\u001B\[2Ka note\n/);
    assert.ok(text().endsWith("\r\u001B[2K"));
  });

  it("tells a save: what, how fast, how and why; then what is live where, and where the time went", () => {
    const { report, text } = reporter();
    report.emit({
      type: "reloaded",
      files: ["model/model.ts", "model/a.ts"],
      kind: "methods",
      reason: "only methods changed",
      digest: `sha256:${"ab".repeat(32)}`,
      replicas: 1,
      phases_ms: { bundle: 12, swap: 3.24 },
      total_ms: 43.4,
    });
    assert.equal(
      normalize(text()),
      "TIME live model/model.ts and 1 more file in N ms; methods replaced, weights kept: only methods changed\n" +
        "         abababababab on 1 replica, bundle N ms, swap N ms\n",
    );
  });

  it("tells a broken save with its places and what still serves", () => {
    const { report, text } = reporter();
    report.emit({
      type: "reload-failed",
      files: ["model/model.ts"],
      problems: [
        { message: "Unexpected }", location: { file: "model/model.ts", line: 3, column: 1, lineText: "}" } },
      ],
    });
    assert.match(
      text(),
      /not live model\/model\.ts: the code before it keeps serving\n {2}model\/model\.ts:3:1: Unexpected \}/,
    );
  });
});
