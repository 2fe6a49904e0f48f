import assert from "node:assert/strict";
import { it } from "node:test";
import { MODEL_NAME, toModelName } from "../../src/project/model-name.ts";

it("any folder's name becomes a valid model name", () => {
  for (const [folder, name] of [
    ["reader", "reader"],
    ["My Model_2", "my-model-2"],
    ["Ünïcode", "unicode"],
    ["--x--", "x"],
    ["日本", "model"],
    ["", "model"],
    ["a".repeat(80), "a".repeat(63)],
    [`${"a".repeat(62)} b`, "a".repeat(62)],
  ] as const) {
    assert.equal(toModelName(folder), name);
    assert.match(toModelName(folder), MODEL_NAME);
  }
});
