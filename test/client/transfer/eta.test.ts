import assert from "node:assert/strict";
import { it } from "node:test";
import { Eta } from "../../../src/client/transfer/eta.ts";

it("says nothing before two seconds, then what the rate of late says", () => {
  const eta = new Eta();
  eta.add(0, 0);
  eta.add(1000, 100);
  assert.equal(eta.remaining(1000), null);
  eta.add(2000, 200);
  assert.equal(eta.remaining(1000), 8);
});

it("forgets how fast it was a while ago", () => {
  const eta = new Eta();
  for (let s = 0; s <= 60; s++) eta.add(s * 1000, s <= 30 ? s * 1000 : 30_000 + (s - 30) * 10);
  const left = eta.remaining(31_300) as number;
  assert.ok(left > 90 && left < 110, `${left}`);
});

it("gives no number while nothing moves", () => {
  const eta = new Eta();
  for (let s = 0; s < 20; s++) eta.add(s * 1000, 500);
  assert.equal(eta.remaining(1000), null);
});
