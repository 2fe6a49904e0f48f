// The tables of the page on metrics, traces and logs are those of the runtime.
import assert from "node:assert/strict";
import { test } from "node:test";
import { crashReport } from "../../src/runtime/front/crash-report.ts";
import { Metrics, TextPage, writeMetrics } from "../../src/runtime/front/metrics.ts";
import type { ModelProcess } from "../../src/runtime/front/model-process.ts";
import { readDoc } from "../helpers/read-doc.ts";
import { sourceFiles } from "../helpers/source-files.ts";

const section = readDoc("reference/observability.md");

test("every metric of the runtime is in the table, and no other", () => {
  const page = new TextPage();
  const gauges = { inFlight: 0, queued: 0, queuedBytes: 0, poisonRefusals: 0, ready: true, processes: [] };
  writeMetrics(page, new Metrics(), gauges);
  const shown = [...page.text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);
  const named = new Set([...section.matchAll(/`(purlin_\w+)`/g)].map(([, name]) => name));
  assert.deepEqual([...named].toSorted(), shown.toSorted());
});

test("every variable of OpenTelemetry that the runtime reads is in the table", () => {
  const code = sourceFiles("src/runtime")
    .map(({ text }) => text)
    .join("\n");
  const read = new Set(
    [...code.matchAll(/env\["(OTEL_\w+)"\]|milliseconds\("(OTEL_\w+)"/g)].map(([, a, b]) => a ?? b),
  );
  assert.ok(read.size >= 8, [...read].join(" "));
  // Only warned of.
  read.delete("OTEL_EXPORTER_OTLP_PROTOCOL");
  for (const name of read) assert.ok(section.includes(`\`${name}`), name);
});

test("every field of the crash report is in the table", () => {
  const process = {
    worker: 1,
    exit: null,
    rss: 0,
    started: 0,
    info: null,
    lastLines: [],
  } as unknown as ModelProcess;
  for (const field of Object.keys(crashReport(process, "x", [])))
    assert.ok(section.includes(`\`${field}\``), field);
});
