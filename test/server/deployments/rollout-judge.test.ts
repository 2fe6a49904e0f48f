import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { judge } from "../../../src/server/deployments/rollout-judge.ts";
import { seededRandom } from "../../helpers/random.ts";

const stats = (count: number, errors: number, p99Ms: number | null = 20) => ({
  requestsPerSecond: count / 60,
  errorRate: count === 0 ? 0 : errors / count,
  p99Ms,
  count,
  errors,
});

describe("the judge of a rollout", () => {
  it("says nothing from a handful of requests, even if all of them fail", () => {
    assert.equal(judge({ old: stats(1000, 0), new: stats(10, 10) }), "too-little");
  });

  it("takes back what fails more often, and lets go on what fails as often", () => {
    assert.match(
      JSON.stringify(judge({ old: stats(1000, 2), new: stats(100, 20) })),
      /20\.0 % errors against 0\.2 %/,
    );
    assert.equal(judge({ old: stats(1000, 50), new: stats(100, 6) }), "go-on");
    assert.equal(judge({ old: stats(1000, 500), new: stats(1000, 0) }), "go-on");
    assert.match(JSON.stringify(judge({ old: stats(0, 0, null), new: stats(100, 100, null) })), /abort/);
  });

  it("takes back what is twice as slow, and not what has a hiccup", () => {
    assert.match(JSON.stringify(judge({ old: stats(1000, 0, 100), new: stats(200, 0, 400) })), /p99 400 ms/);
    assert.equal(judge({ old: stats(1000, 0, 5), new: stats(200, 0, 30) }), "go-on");
    assert.equal(judge({ old: stats(1000, 0, 100), new: stats(30, 0, 400) }), "go-on", "too few for a p99");
  });

  it("does not take back an equal one by chance: ten minutes of looks, a thousand times", () => {
    const random = seededRandom(3);
    let taken = 0;
    for (let run = 0; run < 200; run++) {
      let [oldErrors, newErrors] = [0, 0];
      for (let look = 1; look <= 60; look++) {
        for (let i = 0; i < 18; i++) oldErrors += random.int(100) < 2 ? 1 : 0;
        for (let i = 0; i < 2; i++) newErrors += random.int(100) < 2 ? 1 : 0;
        const verdict = judge({ old: stats(18 * look, oldErrors), new: stats(2 * look, newErrors) });
        if (typeof verdict === "object") {
          taken += 1;
          break;
        }
      }
    }
    assert.ok(taken <= 10, `${taken} of 200 equal ones were taken back`);
  });
});
