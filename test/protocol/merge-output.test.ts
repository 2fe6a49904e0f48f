import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { compareOutput } from "../../src/protocol/compare-output.ts";
import { markUnsteady, mergeOutput } from "../../src/protocol/merge-output.ts";
import { type Random, seededRandom } from "../helpers/random.ts";

describe("the output that an answer makes of an earlier one", () => {
  it("what holds stays as it was written, and a mark stays a mark, with its new number", () => {
    const cases: [unknown, unknown, unknown][] = [
      [
        { a: 1, b: 2 },
        { b: 3, a: 1 },
        { a: 1, b: 3 },
      ],
      [{ s: { approx: 0.3 } }, { s: 0.30001 }, { s: { approx: 0.3 } }],
      [{ s: { approx: 0.3, within: 0.1 } }, { s: 0.5 }, { s: { approx: 0.5, within: 0.1 } }],
      [{ approx: { s: 1, t: "x" } }, { s: 2, t: "y" }, { approx: { s: 2, t: "y" } }],
      [{ approx: 1 }, "text", "text"],
      [{ approx: [1, 2], cosine: 0.1 }, [2, -1], { approx: [2, -1], cosine: 0.1 }],
      [
        [{ approx: 1 }, 5],
        [1.0001, 6, 7],
        [{ approx: 1 }, 6, 7],
      ],
      [
        [1, 2, 3],
        [1, 2, 4],
        [1, 2, 4],
      ],
      [
        { gone: 1, a: 1 },
        { a: 1, new: 2 },
        { a: 1, new: 2 },
      ],
      [5, { a: 1 }, { a: 1 }],
    ];
    for (const [expected, actual, merged] of cases) {
      assert.deepEqual(mergeOutput(expected, actual), merged);
      assert.deepEqual(Object.keys(Object(mergeOutput(expected, actual))), Object.keys(Object(merged)));
    }
  });

  it("a vector is another one as a whole, never some numbers of one and some of another", () => {
    const before = Array.from({ length: 20 }, (_, index) => index);
    const after = before.map((value) => (value > 10 ? value + 1 : value + 1e-5));
    assert.deepEqual(mergeOutput(before, after, { approx: 1e-3 }), after);
  });

  it("seeded: the answer always passes what it made, and makes the same of it again", () => {
    let marked = 0;
    for (let seed = 1; seed <= 3000; seed++) {
      const random = seededRandom(seed);
      const expected = randomOutput(random, 3, true);
      const actual = random.int(2) === 0 ? randomOutput(random, 3, false) : near(random, expected);
      const tolerance = random.pick([{}, { approx: 1e-4 }, { cosine: 0.1 }]);
      const merged = mergeOutput(expected, actual, tolerance);
      assert.equal(compareOutput(actual, merged, tolerance), null, `seed ${seed}`);
      assert.deepEqual(mergeOutput(merged, actual, tolerance), merged, `seed ${seed}`);
      if (JSON.stringify(merged).includes("approx")) marked += 1;
    }
    assert.ok(marked > 300, `only ${marked} had marks left`);
  });

  it("numbers that are slightly others in a second answer get a mark; nothing else does", () => {
    const first = { a: 1, s: 0.5, v: [1, 2, 3], l: [{ x: 2 }], t: "x" };
    const second = { a: 1, s: 0.50001, v: [1, 2.0001, 3], l: [{ x: 2.5 }], t: "y" };
    assert.deepEqual(markUnsteady(first, first, second), {
      a: 1,
      s: { approx: 0.5 },
      v: { approx: [1, 2, 3] },
      l: [{ x: 2 }],
      t: "x",
    });
    assert.deepEqual(markUnsteady({ s: { approx: 0.5 } }, first, second), { s: { approx: 0.5 } });
    assert.equal(markUnsteady(first, first, first), first);
  });
});

function randomOutput(random: Random, depth: number, marks: boolean): unknown {
  const kind = random.int(depth > 0 ? 8 : 4);
  if (kind < 2) return random.int(200) / 10;
  if (kind === 2) return random.pick(["", "x", "y"]);
  if (kind === 3) return random.pick([null, true]);
  const items = Array.from({ length: random.int(4) }, () => randomOutput(random, depth - 1, marks));
  if (kind < 6) return items;
  if (kind === 6 && marks) {
    const value = random.int(2) === 0 ? random.int(100) : [random.int(9) + 1, random.int(9)];
    return { approx: value, ...random.pick([{}, { within: 0.5 }]) };
  }
  return Object.fromEntries(items.map((item) => [random.pick(["a", "b", "c"]), item]));
}

/** An answer to it in which some things are others. */
function near(random: Random, value: unknown): unknown {
  if (typeof value === "number") return random.int(3) === 0 ? value + random.pick([1e-6, 0.1, 5]) : value;
  if (Array.isArray(value)) return value.map((item) => near(random, item));
  if (typeof value !== "object" || value === null) return value;
  if ("approx" in value) return near(random, value.approx);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, near(random, item)]));
}
