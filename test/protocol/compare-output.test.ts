import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { compareOutput } from "../../src/protocol/compare-output.ts";
import { type Random, seededRandom } from "../helpers/random.ts";

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

  it("a tolerance for the whole answer holds for every number in it: as it is up to 1, of the number above", () => {
    const expected = { a: 0.5, b: [1000, { c: -2e6 }], text: "1", none: null };
    const near = { a: 0.50009, b: [1000.09, { c: -2e6 - 190 }], text: "1", none: null };
    assert.equal(compareOutput(near, expected, { approx: 1e-4 }), null);
    assert.match(
      compareOutput(near, expected, { approx: 1e-5 }) ?? "",
      /^a is 0\.50009, expected about 0\.5$/,
    );
    assert.match(compareOutput({ ...near, text: 1 }, expected, { approx: 1e-4 }) ?? "", /^text is 1/);
    assert.equal(
      compareOutput({ ...near, none: 0 }, expected, { approx: 1 }),
      "none is 0, expected null",
      "NaN is null in JSON, and null is no number",
    );
  });

  it("a mark inside takes the tolerance around it, unless it has one of its own", () => {
    assert.equal(compareOutput([1.05], [{ approx: 1 }], { approx: 0.1 }), null);
    assert.notEqual(compareOutput([1.05], [{ approx: 1, within: 0.01 }], { approx: 0.1 }), null);
    assert.notEqual(compareOutput([1.0005, 1.0005], [{ approx: 1 }, 1]), null, "and it ends with the mark");
  });

  it("a long list of numbers is told by how many differ, the worst, and how near the vectors are", () => {
    const expected = Array.from({ length: 384 }, (_, index) => Math.sin(index));
    const actual = expected.map((value, index) => (index === 17 ? value + 0.25 : value + 1e-7));
    assert.equal(compareOutput(expected, expected), null);
    assert.equal(
      compareOutput({ data: [{ embedding: actual }] }, { data: [{ embedding: expected }] }, { approx: 1e-4 }),
      `data[0].embedding differs in 1 of 384 numbers, most at [17], which is ${actual[17]}, expected about ` +
        `${expected[17]}; cosine similarity 0.9998`,
    );
    const all = compareOutput(actual, expected) ?? "";
    assert.match(all, /^the output differs in 384 of 384 numbers/);
    assert.ok(all.length < 200, all);
    const holed: unknown[] = [...actual];
    holed[3] = null;
    assert.match(compareOutput(holed, expected, { approx: 1e-4 }) ?? "", /^\[3\] is null, expected/);
  });

  it("vectors may be compared by their direction, numbers beside them are not", () => {
    const vector = Array.from({ length: 64 }, (_, index) => Math.cos(index));
    const longer = vector.map((value) => value * 3);
    const other = vector.map((value, index) => value + (index % 2) * 0.5);
    const answer = (embedding: number[], index = 0): unknown => ({ data: [{ index, embedding }] });
    const within = { cosine: 1e-3 };
    assert.equal(compareOutput(answer(longer), answer(vector), within), null);
    assert.match(
      compareOutput(answer(other), answer(vector), within) ?? "",
      /^data\[0\]\.embedding is another vector: the cosine distance is 0\.\d+, more than 0\.001; most at \[\d+\], which is /,
    );
    assert.match(compareOutput(answer(vector, 1), answer(vector, 0), within) ?? "", /^data\[0\]\.index is 1/);
    assert.equal(compareOutput([longer], [{ approx: vector, cosine: 1e-3 }]), null);
    assert.notEqual(compareOutput([other], [{ approx: vector, cosine: 1e-3 }]), null);
    assert.match(compareOutput(vector.slice(1), vector, within) ?? "", /has 63 elements, expected 64/);
  });

  it("the cosine of vectors without direction, and of very great and small ones, is none that is undefined", () => {
    const zeros = [0, 0, 0];
    assert.equal(compareOutput(zeros, zeros, { cosine: 1e-3 }), null);
    assert.match(compareOutput([1, 0, 0], zeros, { cosine: 1e-3 }) ?? "", /distance is 1, /);
    assert.match(compareOutput([-1, -2], [1, 2], { cosine: 1e-3 }) ?? "", /distance is 2, /);
    assert.equal(compareOutput([1e200, 2e200], [1e-200, 2e-200], { cosine: 1e-3 }), null);
  });

  it("seeded: noise below the tolerance passes, one number above it never does", () => {
    for (let seed = 1; seed <= 2000; seed++) {
      const random = seededRandom(seed);
      const approx = random.pick([1e-6, 1e-4, 1e-2]);
      const expected = randomValue(random, 3);
      const noisy = shake(
        expected,
        (value) => value + (random.int(2001) - 1000) * 0.9e-3 * approx * scale(value),
      );
      assert.equal(compareOutput(noisy, expected, { approx }), null, `seed ${seed}`);
      if (!hasNumber(expected)) continue;
      assert.equal(compareOutput(noisy, { approx: expected }, { approx }), null, `seed ${seed}`);
      const off = shake(expected, (value) => value + 1.1 * approx * scale(value));
      assert.notEqual(compareOutput(off, expected, { approx }), null, `seed ${seed}`);
    }
  });
});

const scale = (value: number): number => Math.max(1, Math.abs(value));

function randomValue(random: Random, depth: number): unknown {
  const kind = random.int(depth > 0 ? 7 : 4);
  if (kind < 2) return (random.int(2_000_001) - 1_000_000) / 10 ** random.int(7);
  if (kind === 2) return random.pick(["", "text", "1.5"]);
  if (kind === 3) return random.pick([null, true, false]);
  const items = Array.from({ length: random.int(12) }, () => randomValue(random, depth - 1));
  return kind === 4 ? items : Object.fromEntries(items.map((item, index) => [`key${index}`, item]));
}

function shake(value: unknown, change: (number: number) => number): unknown {
  if (typeof value === "number") return change(value);
  if (Array.isArray(value)) return value.map((item) => shake(item, change));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, shake(item, change)]));
}

function hasNumber(value: unknown): boolean {
  if (typeof value === "number") return true;
  return typeof value === "object" && value !== null && Object.values(value).some(hasNumber);
}
