import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { compareOutput } from "../../src/protocol/compare-output.ts";

describe("compareOutput", () => {
  it("takes JSON values as equal by content, whatever the order of keys", () => {
    for (const value of [null, true, 0, "x", [1, [2]], { a: { b: [null] } }]) {
      assert.equal(compareOutput(structuredClone(value), value), null);
    }
    assert.equal(compareOutput({ b: 2, a: 1 }, { a: 1, b: 2 }), null);
  });

  it("names the place of the first difference", () => {
    const cases: [unknown, unknown, string][] = [
      [1, 2, "the output is 1, expected 2"],
      ["1", 1, 'the output is "1", expected 1'],
      [null, {}, "the output is null, expected {}"],
      [{}, [], "the output is {}, expected []"],
      [{ a: [{ b: 1 }] }, { a: [{ b: 2 }] }, "a[0].b is 1, expected 2"],
      [[1, 2, 3], [1, 2], "the output has 3 elements, expected 2"],
      [[1], [1, 2], "the output has 1 elements, expected 2"],
      [{}, { a: 1 }, 'the output has no "a"'],
      [{ a: { x: 1 } }, { a: {} }, 'a has "x", which was not expected'],
    ];
    for (const [actual, expected, text] of cases) assert.equal(compareOutput(actual, expected), text);
  });

  it("numbers must be equal to the last bit unless approx is asked for", () => {
    assert.equal(compareOutput(0.1 + 0.2, 0.3), "the output is 0.30000000000000004, expected 0.3");
    assert.equal(compareOutput(0.1 + 0.2, { approx: 0.3 }), null);
    assert.equal(compareOutput({ s: 1000.5 }, { s: { approx: 1000 } }), null);
    assert.equal(compareOutput(0.302, { approx: 0.3 }), "the output is 0.302, expected about 0.3");
    assert.equal(compareOutput(0.35, { approx: 0.3, within: 0.1 }), null);
    assert.equal(compareOutput([0.1001, [0.2]], { approx: [0.1, [0.2]] }), null);
    assert.match(
      compareOutput([0.2, [0.2]], { approx: [0.1, [0.2]] }) ?? "",
      /^\[0\] is 0\.2, expected about 0\.1/,
    );
    assert.match(compareOutput("x", { approx: 1 }) ?? "", /expected 1/);
  });

  it("an answer that has approx beside other keys is compared as it is", () => {
    assert.equal(compareOutput({ approx: 1, unit: "m" }, { approx: 1, unit: "m" }), null);
    assert.notEqual(compareOutput({ approx: 1.0001, unit: "m" }, { approx: 1, unit: "m" }), null);
  });
});
