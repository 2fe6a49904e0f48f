import assert from "node:assert/strict";
import { it } from "node:test";
import { nearest } from "../../src/util/nearest.ts";

it("the nearest name is found over missing, doubled, swapped and wrong letters, case and separators", () => {
  const names = ["predict_concurrency", "workers", "max_queue", "max_queue_bytes", "spare"];
  for (const [typed, meant] of [
    ["predict_concurency", "predict_concurrency"],
    ["predictConcurrency", "predict_concurrency"],
    ["PREDICT-CONCURRENCY", "predict_concurrency"],
    ["wokrers", "workers"],
    ["worker", "workers"],
    ["max_quue", "max_queue"],
    ["max_queue_byte", "max_queue_bytes"],
    ["spar", "spare"],
  ] as const) {
    assert.equal(nearest(typed, names), meant, typed);
  }
});

it("nothing is suggested that has little in common", () => {
  assert.equal(nearest("gpu", ["workers", "spare"]), undefined);
  assert.equal(nearest("requirements", ["secrets", "resources", "runtime"]), undefined);
  assert.equal(nearest("x", []), undefined);
});

it("a text of a million letters costs nothing", () => {
  const start = performance.now();
  assert.equal(nearest("x".repeat(1e6), ["workers", "spare"]), undefined);
  assert.ok(performance.now() - start < 200);
});
