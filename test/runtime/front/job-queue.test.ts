import assert from "node:assert/strict";
import { test } from "node:test";
import { Job } from "../../../src/runtime/front/job.ts";
import { JobQueue } from "../../../src/runtime/front/job-queue.ts";
import type { RequestHead } from "../../../src/runtime/channel/request-frame.ts";
import { seededRandom } from "../../helpers/random.ts";

function newJob(): Job {
  const responder = { respond() {}, head() {}, data() {}, end() {}, fail() {} };
  const head = { method: 0 } as RequestHead;
  const body = { body: [], bodyBytes: 0, bodyComplete: true };
  return new Job({ head, responder, usesSlot: true, goesAhead: false, ...body });
}

test("behind a job that stays, a hundred thousand that come and go leave nothing", () => {
  const queue = new JobQueue();
  const first = newJob();
  queue.push(first);
  let most = 0;
  for (let i = 0; i < 100_000; i++) {
    const job = newJob();
    queue.push(job);
    job.cancelled = true;
    most = Math.max(most, queue.places);
  }
  assert.ok(most <= 1024, `${most} places`);
  assert.equal(queue.shift(), first);
  assert.equal(queue.shift(), undefined);
});

test("whatever is pushed, cancelled, taken and put back, the rest come in their order", (t) => {
  const seed = Math.floor(Math.random() * 1e6);
  t.diagnostic(`seed ${seed}`);
  const random = seededRandom(seed);
  const queue = new JobQueue();
  let expected: Job[] = [];
  for (let step = 0; step < 50_000; step++) {
    const dice = random.int(100);
    if (dice < 55) {
      const job = newJob();
      queue.push(job);
      expected.push(job);
    } else if (dice < 75 && expected.length > 0) {
      const [job] = expected.splice(random.int(expected.length), 1);
      (job as Job).cancelled = true;
    } else if (dice < 90) {
      assert.equal(queue.shift(), expected.shift());
    } else if (dice < 95) {
      const some = queue.first(1 + random.int(5));
      assert.deepEqual(some, expected.slice(0, some.length));
      queue.remove(some);
      expected = expected.slice(some.length);
      if (dice < 93) {
        queue.unshift(some);
        expected = [...some, ...expected];
      }
    } else assert.equal(queue.peek(), expected[0]);
  }
  assert.deepEqual(queue.takeAll(), expected);
});
