import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Settle, type Timers } from "../../src/sync/settle.ts";
import { seededRandom } from "../helpers/random.ts";

/** Time that passes only when it is told to. */
class VirtualTime implements Timers {
  now = 0;
  #next = 1;
  readonly #due = new Map<number, { at: number; run: () => void }>();

  set(run: () => void, ms: number): unknown {
    const id = this.#next++;
    this.#due.set(id, { at: this.now + ms, run });
    return id;
  }

  clear(timer: never): void {
    this.#due.delete(timer as number);
  }

  pass(ms: number): void {
    const end = this.now + ms;
    for (;;) {
      const [first] = [...this.#due].filter(([, { at }]) => at <= end).sort(([, a], [, b]) => a.at - b.at);
      if (first === undefined) break;
      const [id, { at, run }] = first;
      this.#due.delete(id);
      this.now = at;
      run();
    }
    this.now = end;
  }
}

interface Told {
  what: "first" | "settled";
  at: number;
}

function settling(): { time: VirtualTime; settle: Settle; told: Told[] } {
  const time = new VirtualTime();
  const told: Told[] = [];
  const settle = new Settle(
    {
      onFirst: () => told.push({ what: "first", at: time.now }),
      onSettled: () => told.push({ what: "settled", at: time.now }),
    },
    time,
  );
  return { time, settle, told };
}

describe("the beginning and the end of an edit", () => {
  it("begins at the first event and ends 60 ms after the last", () => {
    const { time, settle, told } = settling();
    settle.event();
    time.pass(50);
    settle.event();
    time.pass(59);
    assert.deepEqual(told, [{ what: "first", at: 0 }]);
    time.pass(1);
    assert.deepEqual(told.at(-1), { what: "settled", at: 110 });
  });

  it("waits 300 ms once more than 50 events are queued: a checkout pauses", () => {
    const { time, settle, told } = settling();
    for (let i = 0; i < 51; i++) settle.event();
    time.pass(299);
    assert.equal(told.length, 1);
    time.pass(1);
    assert.deepEqual(told.at(-1), { what: "settled", at: 300 });
    settle.event();
    time.pass(60);
    assert.deepEqual(told.at(-1), { what: "settled", at: 360 }, "the next edit is a small one again");
  });

  it("tells nothing more once it is stopped", () => {
    const { time, settle, told } = settling();
    settle.event();
    settle.stop();
    time.pass(1000);
    assert.deepEqual(told, [{ what: "first", at: 0 }]);
  });

  it("over random events: first and settled take turns, and no event is after the last settled", () => {
    for (let seed = 1; seed <= 200; seed++) {
      const random = seededRandom(seed);
      const { time, settle, told } = settling();
      let last = 0;
      for (let i = 0; i < 120; i++) {
        time.pass(random.pick([0, 1, 5, 30, 59, 60, 61, 200, 299, 300, 400]));
        settle.event();
        last = time.now;
      }
      time.pass(1000);
      told.forEach(({ what }, i) => assert.equal(what, i % 2 === 0 ? "first" : "settled", `seed ${seed}`));
      const end = told.at(-1);
      assert.equal(end?.what, "settled", `seed ${seed}`);
      assert.ok([60, 300].includes((end?.at ?? 0) - last), `seed ${seed}`);
    }
  });
});
