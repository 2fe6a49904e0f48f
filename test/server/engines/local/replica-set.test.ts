import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import type { Replica, StartReplica } from "../../../../src/server/engines/local/replica.ts";
import {
  REPLICA_TIMING,
  ReplicaSet,
  type ReplicaTiming,
} from "../../../../src/server/engines/local/replica-set.ts";
import { until } from "../../../helpers/until.ts";

interface Started {
  id: string;
  atMs: number;
  becomeReady(): void;
  end(reason: string, loadError?: Error): void;
}

/** Replicas that do what the test says, when it says so. */
function puppets(mayStart: () => void = () => undefined): { start: StartReplica; started: Started[] } {
  const started: Started[] = [];
  const start: StartReplica = ({ id }) => {
    mayStart();
    const ready = deferred<{ load_ms: number }>();
    const exited = deferred<{ reason: string }>();
    ready.promise.catch(() => undefined);
    started.push({
      id,
      atMs: performance.now(),
      becomeReady: () => ready.resolve({ load_ms: 1 }),
      end(reason, loadError = new Error(reason)) {
        ready.reject(loadError);
        exited.resolve({ reason });
      },
    });
    const replica: Replica = {
      id,
      place: "a test",
      listening: Promise.resolve({ kind: "unix", path: "/nowhere" }),
      ready: ready.promise,
      exited: exited.promise,
      setSecrets: () => undefined,
      swapMethods: () => Promise.reject(new Error("not asked for here")),
      stop: async () => exited.resolve({ reason: "stopped" }),
      stats: () => null,
    };
    return replica;
  };
  return { start, started };
}

function makeSet(
  t: TestContext,
  start: StartReplica,
  timing: Partial<ReplicaTiming> = {},
): { set: ReplicaSet; serving: Set<string>; events: string[] } {
  const serving = new Set<string>();
  const events: string[] = [];
  const set = new ReplicaSet({
    start,
    spec: () => ({}) as ReturnType<ConstructorParameters<typeof ReplicaSet>[0]["spec"]>,
    backends: {
      add: ({ id }) => void serving.add(id),
      remove: async (id) => void serving.delete(id),
    },
    inFlight: () => 0,
    onEvent: (type) => events.push(type),
    onLine: () => undefined,
    timing: { ...REPLICA_TIMING, firstBackOff: 40, probeEvery: 3_600_000, ...timing },
  });
  t.after(() => set.stop({ graceMs: 0 }));
  return { set, serving, events };
}

describe("a set of replicas", () => {
  it("one that ends each time soon after it was ready is started again with growing pauses", async (t) => {
    const { start, started } = puppets();
    const { set } = makeSet(t, start);
    set.scale(1);
    const pauses: number[] = [];
    for (let round = 1; round <= 4; round++) {
      const replica = await until(() => started[round - 1]);
      replica.becomeReady();
      await until(() => set.ready === 1);
      const ended = performance.now();
      replica.end("exit code 1");
      pauses.push((await until(() => started[round])).atMs - ended);
    }
    // At once, then 40, 80, 160 ms.
    assert.ok((pauses[1] as number) >= 38, pauses.join());
    assert.ok((pauses[2] as number) >= 78, pauses.join());
    assert.ok((pauses[3] as number) >= 158, pauses.join());
  });

  it("after a time of health the pauses are short again", async (t) => {
    const { start, started } = puppets();
    const { set } = makeSet(t, start, { firstBackOff: 60_000, forgiveAfter: 30 });
    set.scale(1);
    for (let round = 1; round <= 3; round++) {
      const replica = await until(() => started[round - 1]);
      replica.becomeReady();
      await until(() => set.ready === 1);
      const since = performance.now();
      await until(() => performance.now() - since > 60);
      replica.end("exit code 1");
    }
    await until(() => started[3]);
  });

  it("no more than four load at once; all that are wanted come up", async (t) => {
    const { start, started } = puppets();
    const { set, serving } = makeSet(t, start);
    set.scale(7);
    assert.equal(started.length, 4);
    for (let i = 0; i < 7; i++) (await until(() => started[i])).becomeReady();
    await until(() => serving.size === 7);
    assert.equal(started.length, 7);
  });

  it("the first one that cannot be loaded is the end of it, with the model's own error", async (t) => {
    const { start, started } = puppets();
    const { set } = makeSet(t, start);
    set.scale(2);
    started[0]?.end("exit code 1", new Error("weights are missing"));
    await assert.rejects(set.firstReady, /weights are missing/);
    assert.equal(set.wanted, 0);
  });

  it("a process that cannot even be started is tried again, and told after five times", async (t) => {
    let refusals = 6;
    const { start, started } = puppets(() => {
      if (refusals-- > 0) throw new Error("no space left on device");
    });
    const { set, serving, events } = makeSet(t, start, { firstBackOff: 2 });
    set.assumeProven();
    set.scale(1);
    await until(() => set.lastError?.message === "no space left on device");
    (await until(() => started[0])).becomeReady();
    await until(() => serving.size === 1);
    assert.equal(events.filter((type) => type === "unhealthy").length, 1);
    assert.equal(set.lastError, null);
  });

  it("one that does not answer its probes leaves the traffic and is replaced", async (t) => {
    const { start, started } = puppets();
    const { set, serving, events } = makeSet(t, start, {
      probeEvery: 20,
      missesToLeave: 2,
      missesToReplace: 5,
    });
    set.scale(1);
    started[0]?.becomeReady();
    await until(() => serving.size === 1);
    await until(() => events.includes("replica-unready") && serving.size === 0);
    await until(() => started[1]);
    assert.ok(!set.list().some(({ id, state }) => id === started[0]?.id && state === "ready"));
  });

  it("one that says it is well but loses twenty requests in a row is replaced; nineteen and an answer are not", async (t) => {
    const { start, started } = puppets();
    const { set, serving } = makeSet(t, start);
    set.scale(1);
    started[0]?.becomeReady();
    await until(() => serving.size === 1);
    const id = started[0]?.id as string;
    for (let i = 0; i < 19; i++) set.reportOutcome(id, false);
    set.reportOutcome(id, true);
    for (let i = 0; i < 19; i++) set.reportOutcome(id, false);
    assert.deepEqual([...serving], [id]);
    set.reportOutcome(id, false);
    await until(() => started[1]);
    assert.equal(serving.size, 0);
  });

  it("a surplus goes newest first", async (t) => {
    const { start, started } = puppets();
    const { set, serving } = makeSet(t, start);
    set.scale(1);
    started[0]?.becomeReady();
    await until(() => serving.size === 1);
    const since = Date.now();
    await until(() => Date.now() > since + 2);
    set.scale(2);
    started[1]?.becomeReady();
    await until(() => serving.size === 2);
    set.scale(1);
    await until(() => serving.size === 1);
    assert.deepEqual([...serving], [started[0]?.id]);
  });
});

interface Deferred<T> {
  promise: Promise<T>;
  resolve(value: T): void;
  reject(error: Error): void;
}

function deferred<T>(): Deferred<T> {
  let resolve!: (value: T) => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<T>((done, failed) => {
    resolve = done;
    reject = failed;
  });
  return { promise, resolve, reject };
}
