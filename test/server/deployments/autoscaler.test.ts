import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import type { Autoscaling } from "../../../src/protocol/config.ts";
import { Autoscaler } from "../../../src/server/deployments/autoscaler.ts";
import { seededRandom } from "../../helpers/random.ts";

const CONFIG: Autoscaling = {
  min_replicas: 1,
  max_replicas: 10,
  concurrency_target: 2,
  scale_down_delay_seconds: 60,
  window_seconds: 30,
};
/** A replica is ready so many seconds after it was wanted. */
const START_SECONDS = 3;

interface Simulated {
  /** By the second. */
  replicas: number[];
  queued: number[];
  changes: number;
}

/** Virtual time, a look a second: `load` requests are there; what replicas cannot take at twice the target waits. */
function simulate(config: Autoscaling, load: readonly number[]): Simulated {
  const scaler = new Autoscaler(config);
  const starting: number[] = [];
  let ready = config.min_replicas;
  let wanted = ready;
  const result: Simulated = { replicas: [], queued: [], changes: 0 };
  load.forEach((requests, second) => {
    while (starting[0] !== undefined && starting[0] <= second) {
      starting.shift();
      ready += 1;
    }
    const inFlight = Math.min(requests, ready * config.concurrency_target * 2);
    const queued = requests - inFlight;
    const next = scaler.observe({ atMs: second * 1000, inFlight, queued, ready: ready + starting.length });
    if (next !== wanted) result.changes += 1;
    for (let i = wanted; i < next; i++) starting.push(second + START_SECONDS);
    for (let i = next; i < wanted; i++) if (starting.pop() === undefined) ready -= 1;
    wanted = next;
    result.replicas.push(ready);
    result.queued.push(queued);
  });
  return result;
}

const seconds = (count: number, load: (second: number) => number): number[] =>
  Array.from({ length: count }, (_, second) => Math.max(0, Math.round(load(second))));

describe("the autoscaler, over traces in virtual time", () => {
  it("a steady load gets what it needs and no more, without a change afterwards", () => {
    const { replicas } = simulate(
      CONFIG,
      seconds(300, () => 8),
    );
    assert.deepEqual([...new Set(replicas.slice(60))], [4]);
  });

  it("a spike is answered within seconds, not after its window", () => {
    const { replicas, queued } = simulate(
      CONFIG,
      seconds(120, (second) => (second < 30 ? 1 : 16)),
    );
    assert.ok((replicas[30 + 8] ?? 0) >= 6, `${replicas.slice(30, 45)}`);
    assert.equal(
      queued.slice(45).reduce((sum, each) => sum + each, 0),
      0,
    );
  });

  it("a ramp is followed, never by more than one replica too few for long, nor many too many", () => {
    const { replicas } = simulate(
      CONFIG,
      seconds(600, (second) => second / 30),
    );
    replicas.forEach((count, second) => {
      const needed = Math.min(10, second / 30 / CONFIG.concurrency_target);
      assert.ok(
        count >= Math.floor(needed) - 1 && count <= needed + 2,
        `${count} at ${second} s, ${needed} needed`,
      );
    });
  });

  it("goes down only after the delay, and not at all for a gap that is shorter", () => {
    const { replicas } = simulate(
      CONFIG,
      seconds(400, (second) => (second < 100 ? 12 : second < 130 ? 0 : 12)),
    );
    assert.ok(Math.min(...replicas.slice(60)) >= 6);
    const gone = simulate(
      CONFIG,
      seconds(300, (second) => (second < 100 ? 12 : 0)),
    );
    assert.ok((gone.replicas[150] ?? 0) >= 6, "half a minute later all are there");
    assert.equal(gone.replicas.at(-1), 1);
  });

  it("a load that goes on and off does not make the number flap", () => {
    const { changes } = simulate(
      CONFIG,
      seconds(1200, (second) => (second % 20 < 10 ? 12 : 0)),
    );
    assert.ok(changes <= 8, `${changes} changes in twenty minutes`);
  });

  it("a day with noise: replicas follow the hours, requests rarely wait, changes are few", () => {
    const random = seededRandom(7);
    const day = 24 * 60;
    // A minute of the day is a second here.
    const load = seconds(day, (at) => 9 + 8 * Math.sin((at / day) * 2 * Math.PI) + random.int(5) - 2);
    const { replicas, queued, changes } = simulate(CONFIG, load);
    const waited = queued.filter((count) => count > 0).length;
    assert.ok(waited < day * 0.02, `requests waited in ${waited} of ${day} looks`);
    const spare = replicas.map((count, at) => count - Math.ceil((load[at] ?? 0) / CONFIG.concurrency_target));
    const mean = spare.reduce((sum, each) => sum + each, 0) / day;
    assert.ok(mean < 2, `${mean.toFixed(2)} replicas more than needed on average`);
    assert.ok(changes < 200, `${changes} changes`);
  });

  it("a recorded trace: enough replicas while clients come and go, the line empties, and all are not kept for nothing", () => {
    // In flight and queued on a host with two replicas, every quarter of a second, under 0 to 40 clients of short, long
    // and streamed requests whose number walks at random; each sample is played as a second.
    const load = JSON.parse(
      readFileSync(new URL("./traces/mixed-clients.json", import.meta.url), "utf8"),
    ) as number[];
    const { replicas, queued, changes } = simulate({ ...CONFIG, concurrency_target: 4 }, load);
    const short = replicas.filter((count, at) => count * 8 < (load[at] ?? 0)).length;
    assert.ok(short <= 10, `${short} of ${load.length} looks with too few`);
    assert.ok(
      queued.slice(-60).every((count) => count === 0),
      "nobody waits in the end",
    );
    const most = Math.max(...load) / 4;
    assert.ok(Math.max(...replicas) <= Math.ceil(most), `${Math.max(...replicas)} replicas for ${most}`);
    assert.ok(changes <= 20, `${changes} changes`);
  });

  it("the last one sleeps where it may, after a whole delay without a request, and one request wakes it", () => {
    const scaler = new Autoscaler({ ...CONFIG, min_replicas: 0 });
    const look = (second: number, load: number): number =>
      scaler.observe({ atMs: second * 1000, inFlight: load, queued: 0, ready: 1 });
    assert.equal(look(0, 1), 1);
    for (let second = 1; second < 60; second++) assert.equal(look(second, 0), 1, `after ${second} s`);
    assert.equal(look(61, 0), 0);
    assert.equal(look(62, 1), 1);
  });

  it("whatever comes, the number is between its limits and whole", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = seededRandom(seed);
      const config = {
        min_replicas: random.int(3),
        max_replicas: 3 + random.int(10),
        concurrency_target: 1 + random.int(5),
        scale_down_delay_seconds: random.int(100),
        window_seconds: 1 + random.int(60),
      };
      const scaler = new Autoscaler(config);
      let atMs = 0;
      for (let look = 0; look < 300; look++) {
        // A machine that slept, and one that looks twice at once.
        atMs += random.int(10) === 0 ? random.int(500_000) : random.int(3000);
        const wanted = scaler.observe({
          atMs,
          inFlight: random.int(60),
          queued: random.int(60),
          ready: random.int(12),
        });
        assert.ok(Number.isInteger(wanted));
        assert.ok(wanted >= config.min_replicas && wanted <= config.max_replicas, `seed ${seed}: ${wanted}`);
      }
    }
  });
});
