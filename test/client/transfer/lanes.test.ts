import assert from "node:assert/strict";
import { it } from "node:test";
import { HostAnswerError } from "../../../src/client/host-answer-error.ts";
import { Lanes } from "../../../src/client/transfer/lanes.ts";

const answer = (status: number): HostAnswerError =>
  new HostAnswerError(status, undefined, { retryAfter: 0, url: "http://x" });
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

it("four at once; errors of a gateway halve that down to one, and all work is still done", async () => {
  const lanes = new Lanes(undefined);
  let running = 0;
  const seen: number[] = [];
  await lanes.run(
    Array.from({ length: 40 }, (_, i) => i),
    async (i) => {
      running += 1;
      await turn();
      seen.push(running);
      if (i === 10 || i === 20) lanes.onRetry(answer(502));
      if (i === 30) lanes.onRetry(answer(500));
      running -= 1;
    },
  );
  assert.equal(seen.length, 40);
  assert.equal(Math.max(...seen.slice(0, 10)), 4);
  assert.ok(Math.max(...seen.slice(26)) === 1, seen.join(" "));
  assert.equal(lanes.limit, 1);
});

it("the first failure ends the others and is what is told", async () => {
  const lanes = new Lanes(undefined);
  const work = async (i: number): Promise<void> => {
    if (i === 2) throw new Error("the reason");
    await new Promise<void>((_, reject) =>
      lanes.signal.addEventListener("abort", () => reject(new Error("an echo"))),
    );
  };
  await assert.rejects(lanes.run([0, 1, 2, 3], work), /the reason/);
});
