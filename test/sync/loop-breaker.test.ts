import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { LoopBreaker } from "../../src/sync/loop-breaker.ts";
import { seededRandom } from "../helpers/random.ts";

/** A reload goes live and, a moment later, these files are written; the file that was stopped, or null. */
function writeAfterReload(breaker: LoopBreaker, files: string[], at: number, after = 100): string | null {
  breaker.wentLive(at);
  return breaker.filter(files, at + after).stopped;
}

describe("a file that reloads write themselves", () => {
  it("is stopped and named at the fifth time in a row, and only it", () => {
    const breaker = new LoopBreaker(() => true);
    const stopped = [0, 1, 2, 3, 4].map((i) => writeAfterReload(breaker, ["model/seen.json"], i * 1000));
    assert.deepEqual(stopped, [null, null, null, null, "model/seen.json"]);
    assert.deepEqual(breaker.filter(["model/seen.json", "model/model.ts"], 6000).paths, ["model/model.ts"]);
  });

  it("is seen by its folder where nobody can tell who wrote it", () => {
    const breaker = new LoopBreaker(() => false);
    const stopped = [0, 1, 2, 3, 4].map((i) => writeAfterReload(breaker, ["out/result.json"], i * 1000));
    assert.equal(stopped.at(-1), "out/result.json");
  });
});

describe("rate alone is no loop", () => {
  it("a person who saves one file again and again is never stopped", () => {
    const breaker = new LoopBreaker(() => false);
    for (let i = 0; i < 200; i++) {
      assert.equal(writeAfterReload(breaker, ["model/model.ts"], i * 150), null);
    }
  });

  it("a file written later than 2 s after a reload does not count", () => {
    const breaker = new LoopBreaker(() => true);
    for (let i = 0; i < 20; i++) {
      assert.equal(writeAfterReload(breaker, ["model/seen.json"], i * 5000, 2001), null);
    }
  });

  it("another file between them begins the count anew", () => {
    const breaker = new LoopBreaker(() => true);
    for (let i = 0; i < 40; i++) {
      const file = i % 4 === 3 ? "model/other.json" : "model/seen.json";
      assert.equal(writeAfterReload(breaker, [file], i * 1000), null);
    }
  });

  it("over random histories, a file that no process of ours writes stays followed", () => {
    for (let seed = 1; seed <= 100; seed++) {
      const random = seededRandom(seed);
      const ours = new Set(["model/a.json", "model/b.json"]);
      const breaker = new LoopBreaker((path) => ours.has(path));
      let now = 0;
      for (let i = 0; i < 200; i++) {
        now += random.int(3000);
        if (random.int(2) === 0) breaker.wentLive(now);
        const files = ["model/a.json", "model/model.ts"].filter(() => random.int(2) === 0);
        const { paths, stopped } = breaker.filter(files, now + random.int(200));
        assert.notEqual(stopped, "model/model.ts", `seed ${seed}`);
        if (files.includes("model/model.ts")) assert.ok(paths.includes("model/model.ts"), `seed ${seed}`);
      }
    }
  });
});
