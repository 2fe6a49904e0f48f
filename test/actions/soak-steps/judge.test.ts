import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Checkpoint, Held } from "../../../src/actions/soak-steps/checkpoint.ts";
import { judge } from "../../../src/actions/soak-steps/judge.ts";
import { trendOf } from "../../../src/actions/soak-steps/trend.ts";
import { seededRandom } from "../../helpers/random.ts";

const MIB = 1024 ** 2;
const LIMITS = { maxGrowth: 0.1, maxBytesPerRequest: 1024 };
const QUIET: Held = { retained: 8 * MIB, resident: 60 * MIB, files: 20, handles: 2, children: 0 };

/** Checkpoints after each hundred requests; `model` says what is held at the n-th. */
function checkpoints(count: number, model: (n: number) => Partial<Held>, requests = 100): Checkpoint[] {
  return Array.from({ length: count }, (_, n) => ({
    requests: n * requests,
    front: QUIET,
    model: { ...QUIET, ...model(n) },
    processes: [],
  }));
}

const codes = (given: Checkpoint[], limits = LIMITS): string[] =>
  judge(given, limits).findings.map(({ code }) => code);

describe("what a soak makes of its checkpoints", () => {
  it("a slope is the median of all pairs: a third of the points may lie anywhere", () => {
    const points = Array.from({ length: 30 }, (_, x) => ({
      x,
      y: x % 3 === 0 ? (x * 7919) % 1000 : 100 + 2 * x,
    }));
    assert.ok(Math.abs(trendOf(points).slope - 2) < 1.5, String(trendOf(points).slope));
    const line = trendOf([
      { x: 0, y: 5 },
      { x: 10, y: 25 },
      { x: 20, y: 45 },
    ]);
    assert.deepEqual(line, { first: 5, last: 45, slope: 2, late_slope: 2, growth: 40, rising: 1 });
    assert.equal(trendOf([]).slope, 0);
  });

  it("memory that is retained grows: by more than its share, or by too much with each request", () => {
    assert.deepEqual(codes(checkpoints(12, (n) => ({ retained: (8 + n) * MIB }))), ["memory"]);
    const large = 1024 * MIB;
    assert.deepEqual(
      codes(checkpoints(12, (n) => ({ retained: large + n * MIB }))),
      ["memory"],
      "10 KiB a request",
    );
    assert.deepEqual(codes(checkpoints(12, (n) => ({ retained: large + n * MIB }), 2000)), [], "half a KiB");
  });

  it("what goes up and down, or has found its level, is no leak", () => {
    const random = seededRandom(5);
    assert.deepEqual(
      codes(
        checkpoints(40, () => ({
          retained: 8 * MIB + random.int(4 * MIB),
          resident: 60 * MIB + random.int(60 * MIB),
        })),
      ),
      [],
    );
    assert.deepEqual(codes(checkpoints(40, (n) => ({ retained: (8 + Math.min(n, 16) * 4) * MIB }))), []);
    assert.deepEqual(
      codes(checkpoints(40, (n) => ({ retained: n < 12 ? n * MIB : 12 * MIB, children: Math.min(n, 8) }))),
      [],
    );
  });

  it("what grows ever more slowly is still warming up", () => {
    const warming = (n: number): number => (8 + 4 * (1 - Math.exp(-n / 8))) * MIB;
    assert.deepEqual(codes(checkpoints(30, (n) => ({ retained: warming(n) }))), []);
    assert.deepEqual(codes(checkpoints(30, (n) => ({ retained: warming(n) + n * 0.1 * MIB }))), ["memory"]);
  });

  it("resident memory that only grows is a leak outside JavaScript, and told once", () => {
    const [finding, ...more] = judge(
      checkpoints(12, (n) => ({ resident: (60 + 4 * n) * MIB })),
      LIMITS,
    ).findings;
    assert.match(finding?.message ?? "", /^The model takes more resident memory .*outside JavaScript/);
    assert.deepEqual(more, []);
    assert.deepEqual(
      codes(checkpoints(12, (n) => ({ retained: (8 + n) * MIB, resident: (60 + 4 * n) * MIB }))),
      ["memory"],
    );
  });

  it("open files, handles and processes are told, each in its own words; steps count, too", () => {
    assert.deepEqual(codes(checkpoints(24, (n) => ({ files: 20 + Math.floor(n / 2), handles: 2 + 5 * n }))), [
      "files",
    ]);
    assert.deepEqual(codes(checkpoints(24, (n) => ({ handles: 2 + 5 * n }))), ["handles"]);
    assert.deepEqual(codes(checkpoints(24, (n) => ({ children: Math.floor(n / 3) }))), ["processes"]);
    assert.deepEqual(codes(checkpoints(24, (n) => ({ files: null, children: n % 2 }))), []);
  });

  it("too little to judge by is said, and nothing else", () => {
    assert.deepEqual(codes(checkpoints(5, (n) => ({ retained: (8 + 9 * n) * MIB }))), ["too-short"]);
    assert.deepEqual(codes(checkpoints(20, (n) => ({ retained: (8 + 9 * n) * MIB }), 3)), ["too-short"]);
    assert.deepEqual(codes([]), ["too-short"]);
  });
});
