// How long rows wait for company: the policy against simulated clients and a model whose batches cost fixed + perRow * rows.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { BatchPolicy } from "../../../src/runtime/front/batch-policy.ts";
import { type Random, seededRandom } from "../../helpers/random.ts";

interface Scene {
  /** Milliseconds of a batch: fixed + perRow * rows + swell * rows². */
  fixed: number;
  perRow: number;
  swell?: number;
  maxSize: number;
  maxWaitMs: number;
  /** When each client asks first, and how long after an answer it asks again; null: never. */
  first: number[];
  again: ((random: Random) => number) | null;
  until: number;
}

interface Outcome {
  rows: number;
  batches: number[];
  /** Milliseconds of each row from asking to answer. */
  latencies: number[];
  /** Milliseconds that a free model made rows wait, at most. */
  longestWait: number;
}

/** One model with one slot; time is simulated, so that what is shown here is the policy alone. */
function simulate(scene: Scene, policy = new BatchPolicy(), random = seededRandom(7)): Outcome {
  const arrivals = scene.first.toSorted((a, b) => a - b);
  const waiting: number[] = [];
  const outcome: Outcome = { rows: 0, batches: [], latencies: [], longestWait: 0 };
  let freeAt = 0;
  let now = 0;
  let lastArrival = -Infinity;
  const take = (): void => {
    now = Math.max(now, arrivals.shift() as number);
    waiting.push(now);
    lastArrival = now;
    policy.arrived(now);
  };
  while (now < scene.until) {
    if (waiting.length === 0) {
      if (arrivals.length === 0) break;
      take();
      continue;
    }
    while ((arrivals[0] ?? Infinity) <= now) take();
    const since = Math.max(waiting[0] as number, freeAt);
    const maxSize = policy.mostRows(scene.maxSize);
    const rows = Math.min(waiting.length, maxSize);
    const fullAt = policy.fullAt(maxSize, 1);
    const wait = policy.waitMs(
      { rows, since, lastArrival, timeLeft: Infinity },
      { fullAt, maxWaitMs: scene.maxWaitMs },
      now,
    );
    if (wait > 0) {
      const next = arrivals[0] ?? Infinity;
      if (next <= now + wait) take();
      else now += wait + 1e-9;
      continue;
    }
    outcome.longestWait = Math.max(outcome.longestWait, now - since);
    const batch = waiting.splice(0, rows);
    const ms = scene.fixed + scene.perRow * batch.length + (scene.swell ?? 0) * batch.length ** 2;
    const end = now + ms;
    while ((arrivals[0] ?? Infinity) <= end) take();
    now = freeAt = end;
    policy.ended({ rows: batch.length, ms, together: batch.length + waiting.length }, now);
    outcome.batches.push(batch.length);
    outcome.rows += batch.length;
    for (const asked of batch) {
      outcome.latencies.push(now - asked);
      if (scene.again !== null) insert(arrivals, now + scene.again(random));
    }
  }
  return outcome;
}

function insert(sorted: number[], value: number): void {
  const place = sorted.findIndex((other) => other > value);
  sorted.splice(place === -1 ? sorted.length : place, 0, value);
}

const closedLoop = (clients: number, thinkMs: number): Pick<Scene, "first" | "again"> => ({
  first: Array.from({ length: clients }, (_, i) => i * 0.05),
  again: (random) => thinkMs * (0.5 + random.int(1000) / 1000),
});
const GAINS: Pick<Scene, "fixed" | "perRow" | "maxSize" | "maxWaitMs" | "until"> = {
  fixed: 8,
  perRow: 0.1,
  maxSize: 32,
  maxWaitMs: 5,
  until: 20_000,
};

describe("how long rows wait for company", () => {
  it("one client alone is never made to wait", () => {
    const { longestWait, batches } = simulate({ ...GAINS, ...closedLoop(1, 0.5) });
    assert.equal(longestWait, 0);
    assert.ok(batches.every((size) => size === 1));
  });

  it("a model that gains nothing from batches makes nobody wait", () => {
    const { longestWait, batches } = simulate({ ...GAINS, fixed: 0, perRow: 4, ...closedLoop(32, 0.5) });
    const late = batches.slice(50);
    assert.ok(late.length > 100);
    // Once its costs are known; the guess before costs one batch's half at most.
    assert.ok(longestWait <= 4, `${longestWait} ms`);
  });

  it("clients that come back at once are gathered into nearly full batches", () => {
    for (const clients of [2, 4, 32]) {
      const { batches, rows } = simulate({ ...GAINS, ...closedLoop(clients, 0.5) });
      const late = batches.slice(20);
      const mean = late.reduce((sum, size) => sum + size, 0) / late.length;
      assert.ok(mean > 0.85 * clients, `${clients} clients: ${mean} rows a batch`);
      assert.ok(rows > 0);
    }
  });

  it("a size that costs more a row than a smaller one is left out, and tried again now and then", () => {
    // As an OCR network on one core: 22 ms for one row, 28 a row for eight, 41 a row for 32.
    const crowd = { ...closedLoop(32, 0.5), maxSize: 32, maxWaitMs: 5, until: 300_000 };
    const { batches } = simulate({ ...crowd, fixed: 0, perRow: 22, swell: 0.6 });
    const late = batches.slice(100);
    const small = late.filter((size) => size < 8).length;
    assert.ok(small > 0.95 * late.length, `${small} of ${late.length}`);
    // What would be best: 1.5 ms of 10 a row at 16 rows, where the cost of the batch itself is shared.
    const best = simulate({ ...crowd, fixed: 64, perRow: 2, swell: 0.25 }).batches.slice(100);
    const mean = best.reduce((sum, size) => sum + size, 0) / best.length;
    assert.ok(mean >= 8 && mean <= 32, `${mean} rows`);
  });

  it("strangers who come seldom are not made to wait for each other", () => {
    const random = seededRandom(3);
    let at = 0;
    const first = Array.from({ length: 2000 }, () => (at += -Math.log(1 - random.int(1e6) / 1e6) * 40));
    const { latencies } = simulate({ ...GAINS, first, again: null, until: Infinity });
    const mean = latencies.reduce((sum, ms) => sum + ms, 0) / latencies.length;
    // A model that sends at once answers these in 9.5 ms.
    assert.ok(mean < 10.5, `${mean} ms`);
  });

  it("a row that comes after a quiet time goes at once, whatever the crowd before", () => {
    const policy = new BatchPolicy();
    simulate({ ...GAINS, ...closedLoop(32, 0.5), until: 2000 }, policy);
    const hour = 3_600_000;
    policy.arrived(hour);
    const waiting = { rows: 1, since: hour, lastArrival: hour, timeLeft: Infinity };
    assert.equal(policy.waitMs(waiting, { fullAt: 32, maxWaitMs: 5 }, hour), 0);
  });

  it("nobody waits longer than max_wait_ms beside a free model, nor past a deadline (200 random scenes)", () => {
    for (let seed = 1; seed <= 200; seed++) {
      const random = seededRandom(seed);
      const maxWaitMs = random.pick([0, 1, 5, 20]);
      const scene: Scene = {
        fixed: random.int(30),
        perRow: random.int(20) / 10,
        maxSize: 1 + random.int(64),
        maxWaitMs,
        ...closedLoop(1 + random.int(80), random.int(30)),
        until: 2000,
      };
      const { longestWait, batches } = simulate(scene, new BatchPolicy(), random);
      assert.ok(longestWait <= maxWaitMs + 1e-6, `seed ${seed}: ${longestWait} ms`);
      assert.ok(
        batches.every((size) => size <= scene.maxSize),
        `seed ${seed}`,
      );
    }
    const policy = new BatchPolicy();
    simulate({ ...GAINS, ...closedLoop(32, 0.5), until: 2000 }, policy);
    policy.ended({ rows: 32, ms: 11, together: 32 }, 3000);
    policy.arrived(3000.2);
    const waiting = { rows: 1, since: 3000.2, lastArrival: 3000.2, timeLeft: 8.5 };
    assert.ok(policy.waitMs(waiting, { fullAt: 32, maxWaitMs: 50 }, 3000.2) < 0.5);
  });

  it("what a batch costs is learned, and learned anew when it changes", () => {
    const policy = new BatchPolicy();
    const random = seededRandom(1);
    for (const [fixed, perRow] of [
      [8, 0.1],
      [1, 2],
    ] as const) {
      for (let i = 0; i < 200; i++) {
        const rows = 1 + random.int(32);
        policy.ended({ rows, ms: fixed + perRow * rows, together: rows }, i);
      }
      assert.ok(Math.abs(policy.fixedMs - fixed) < 0.2, `${policy.fixedMs}`);
    }
  });
});
