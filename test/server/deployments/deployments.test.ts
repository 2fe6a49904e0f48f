import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import type { Digest } from "../../../src/protocol/manifest.ts";
import { Deployments } from "../../../src/server/deployments/deployments.ts";
import { HostError } from "../../../src/server/host-error.ts";
import { acquireLease } from "../../../src/server/router/acquire-lease.ts";
import { openStore } from "../../../src/server/store/open-store.ts";
import type { Store } from "../../../src/server/store/store.ts";
import { type Random, seededRandom } from "../../helpers/random.ts";
import { tmpDir } from "../../helpers/tmp-dir.ts";
import { until } from "../../helpers/until.ts";
import { packModel } from "./pack-model.ts";
import { type ScriptedEngine, scriptedEngine } from "./scripted-engine.ts";

interface World {
  /** Milliseconds that the host's clock is ahead by. */
  clock: { ahead: number };
  store: Store;
  engine: ScriptedEngine;
  deployments: Deployments;
  /** A package in the store, different for each text. */
  pack(text: string, config?: string): Promise<Digest>;
  /** Committed and under way; resolves with its id at once. */
  deploy(
    digest: Digest,
    more?: { environment?: string; rollout?: number; expectPrevious?: Digest | null },
  ): string;
  settled(id: string): Promise<string>;
  /** Everything in memory is thrown away, as by kill -9; then a host is started on the same data. */
  crash(): Promise<void>;
}

interface WorldOptions {
  tickMs?: number;
  loadMs?: number;
  secrets?: Record<string, string>;
}

async function world(t: TestContext, { tickMs, loadMs, secrets = {} }: WorldOptions = {}): Promise<World> {
  const root = await tmpDir(t, "pd-");
  const clock = { ahead: 0 };
  const open = async () => {
    const store = openStore(join(root, "data"));
    const engine = scriptedEngine(mkdtempSync(join(root, "s")), { ...(loadMs && { loadMs }) });
    const deployments = new Deployments({
      store,
      engine,
      secretsFor: (names) =>
        Object.fromEntries(Object.entries(secrets).filter(([name]) => names.includes(name))),
      now: () => new Date(Date.now() + clock.ahead),
      ...(tickMs && { tickMs }),
    });
    await deployments.start();
    return { store, engine, deployments };
  };
  let now = await open();
  t.after(async () => {
    await now.deployments.close({ graceMs: 0 });
    await now.store.close();
  });
  return {
    clock,
    get store() {
      return now.store;
    },
    get engine() {
      return now.engine;
    },
    get deployments() {
      return now.deployments;
    },
    pack: (text, config) => packModel(now.store, text, config),
    deploy(digest, { environment = "production", ...more } = {}) {
      const { id } = now.store.db.transaction(() =>
        now.deployments.create({ model: "m", environment, package: digest, by: "test", ...more }),
      );
      now.deployments.kick(id);
      return id;
    },
    settled: (id) =>
      until(
        () => {
          const { state } = now.deployments.deployment(id);
          return ["ACTIVE", "FAILED", "STOPPED", "SUPERSEDED"].includes(state) && state;
        },
        { interval: 2 },
      ),
    async crash() {
      // Nothing is told to anybody: rows stay as they are, and what the old one still does goes to a closed database.
      await now.deployments.close({ graceMs: 0 });
      await now.engine.close();
      await now.store.close();
      now = await open();
    },
  };
}

const environmentOf = ({ deployments }: World, name = "production") => {
  const found = deployments.status("m").environments.find((each) => each.name === name);
  assert.ok(found, `an environment ${name}`);
  return found;
};

interface Answer {
  deployment: string;
  secrets: Record<string, string>;
}

const answering = async (host: World): Promise<string> => (await answer(host)).deployment;

async function answer({ deployments }: World, environment = "production"): Promise<Answer> {
  const lease = await acquireLease(() => deployments.resolve("m", { environment }), {
    until: performance.now() + 20_000,
    signal: () => new AbortController().signal,
  });
  return new Promise((resolve, reject) => {
    const request = lease.client.request({ method: "GET", path: "/", headers: ["Host", "x"] });
    request.on("error", reject);
    request.on("response", (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (piece: string) => (text += piece));
      answer.on("end", () => {
        lease.end({ status: 200, ms: 1 });
        resolve(JSON.parse(text) as Answer);
      });
    });
    request.end();
  });
}

const untilFailed = ({ deployments }: World, id: string) =>
  until(() => deployments.deployment(id).state === "FAILED" && "FAILED");

const codeOf = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    if (error instanceof HostError) return error.code;
    throw error;
  }
  return "done";
};

describe("deployments", () => {
  it("one serves once it has loaded; the next one takes over, and the old one is superseded", async (t) => {
    const host = await world(t);
    const first = host.deploy(await host.pack("one"));
    assert.equal(await host.settled(first), "ACTIVE");
    assert.equal(await answering(host), first);
    const second = host.deploy(await host.pack("two"));
    assert.equal(await host.settled(second), "ACTIVE");
    assert.equal(await answering(host), second);
    assert.equal(host.deployments.deployment(first).state, "SUPERSEDED");
    await until(() => host.engine.running().length === 1);
    const types = host.deployments.rows.events(second).map(({ type }) => type);
    assert.deepEqual(types.slice(0, 2), ["created", "replica-started"]);
    assert.ok(types.includes("activated"));
  });

  it("one that cannot be loaded changes nothing, and keeps the model's own error", async (t) => {
    const host = await world(t);
    const first = host.deploy(await host.pack("one"));
    await host.settled(first);
    const bad = await host.pack("bad");
    host.engine.broken.add(bad.slice("sha256:".length));
    const second = host.deploy(bad);
    assert.equal(await host.settled(second), "FAILED");
    assert.equal(await answering(host), first);
    const { serving, desired, state, last_error } = environmentOf(host);
    assert.equal(serving?.deployment, first);
    assert.equal(desired?.deployment, second, "what was asked for is reported apart from what serves");
    assert.equal(state, "ACTIVE");
    assert.match(last_error?.message ?? "", /no weights/);
    assert.equal(
      codeOf(() => host.deployments.rollback({ model: "m", environment: "production", by: "t" })),
      "NOTHING_TO_ROLL_BACK",
    );
  });

  it("the newer of two that are on their way wins; the older one stops", async (t) => {
    const host = await world(t);
    const [one, two] = [host.deploy(await host.pack("one")), host.deploy(await host.pack("two"))];
    assert.equal(await host.settled(two), "ACTIVE");
    assert.ok(["STOPPED", "SUPERSEDED"].includes(await host.settled(one)));
    assert.equal(await answering(host), two);
  });

  it("expects what its caller expects, or refuses: two pushes at once do not overwrite each other unseen", async (t) => {
    const host = await world(t);
    const [one, two] = [await host.pack("one"), await host.pack("two")];
    await host.settled(host.deploy(one, { expectPrevious: null }));
    assert.equal(
      codeOf(() => host.deploy(two, { expectPrevious: null })),
      "REF_CONFLICT",
    );
    await host.settled(host.deploy(two, { expectPrevious: one }));
    assert.equal(
      codeOf(() => host.deploy(one, { expectPrevious: one })),
      "REF_CONFLICT",
    );
  });

  it("rollback goes to what was live before, over failed ones and over the same package", async (t) => {
    const host = await world(t);
    const [one, two, bad] = [await host.pack("one"), await host.pack("two"), await host.pack("bad")];
    host.engine.broken.add(bad.slice("sha256:".length));
    for (const digest of [one, two, bad, two]) await host.settled(host.deploy(digest));
    const row = host.deployments.rollback({ model: "m", environment: "production", by: "t" });
    assert.equal(await host.settled(row.id), "ACTIVE");
    assert.equal(environmentOf(host).serving?.package, one);
    assert.equal(await answering(host), row.id);
  });

  it("a clock that jumps back or ahead does not change what came before what", async (t) => {
    const host = await world(t);
    const packages = [await host.pack("one"), await host.pack("two"), await host.pack("three")];
    const days = 24 * 3600 * 1000;
    for (const [at, digest] of packages.entries()) {
      host.clock.ahead = [0, -3 * days, 10 * days][at] as number;
      assert.equal(await host.settled(host.deploy(digest)), "ACTIVE");
    }
    host.clock.ahead = -30 * days;
    await host.crash();
    const row = host.deployments.rollback({ model: "m", environment: "production", by: "t" });
    await host.settled(row.id);
    assert.equal(environmentOf(host).serving?.package, packages[1]);
    assert.equal(await answering(host), row.id);
  });

  it("promote brings the same package to another environment", async (t) => {
    const host = await world(t);
    const digest = await host.pack("one");
    await host.settled(host.deploy(digest, { environment: "staging" }));
    assert.equal(
      codeOf(() => host.deployments.resolve("m", { environment: "production" })),
      "NO_DEPLOYMENT",
    );
    const row = host.deployments.promote({ model: "m", from: "staging", to: "production", by: "t" });
    await host.settled(row.id);
    assert.equal(environmentOf(host).serving?.package, digest);
    assert.equal(
      codeOf(() => host.deployments.promote({ model: "m", from: "none", to: "production", by: "t" })),
      "NOT_FOUND",
    );
  });

  it("a rollout has its exact share, survives a crash, and is finished or taken back", async (t) => {
    const host = await world(t);
    const first = host.deploy(await host.pack("one"));
    await host.settled(first);
    assert.equal(
      codeOf(() => host.deploy(first as Digest, { environment: "empty", rollout: 10 })),
      "BAD_REQUEST",
    );
    const second = host.deploy(await host.pack("two"), { rollout: 10 });
    await host.settled(second);
    const share = async (): Promise<number> => {
      let count = 0;
      for (let i = 0; i < 100; i++) if ((await answering(host)) === second) count += 1;
      return count;
    };
    assert.equal(await share(), 10);
    assert.equal(
      codeOf(() => host.deployments.rollback({ model: "m", environment: "production", by: "t" })),
      "CONFLICT",
    );
    await host.crash();
    assert.equal(await share(), 10, "after a restart, too");
    host.deployments.abortRollout("m", "production");
    assert.equal(await share(), 0);
    assert.equal(host.deployments.deployment(second).state, "FAILED");
    assert.equal(environmentOf(host).desired?.deployment, first);
    const third = host.deploy(await host.pack("three"), { rollout: 50 });
    await host.settled(third);
    host.deployments.finishRollout("m", "production");
    assert.equal(await answering(host), third);
    assert.equal(host.deployments.deployment(first).state, "SUPERSEDED");
  });

  it("a rollout that was on its way when the host was killed is still a rollout", async (t) => {
    const host = await world(t);
    const first = host.deploy(await host.pack("one"));
    await host.settled(first);
    const second = host.deploy(await host.pack("two"), { rollout: 25 });
    await host.crash();
    await host.settled(second);
    assert.equal(environmentOf(host).rollout?.percent, 25);
    assert.equal(environmentOf(host).serving?.deployment, first);
  });

  it("requests to a model that comes up after a restart wait for it", async (t) => {
    const host = await world(t);
    const id = host.deploy(await host.pack("one"));
    await host.settled(id);
    await host.crash();
    assert.equal(await answering(host), id);
  });

  it("a replica that is killed is replaced", async (t) => {
    const host = await world(t);
    const id = host.deploy(await host.pack("one"));
    await host.settled(id);
    const victim = host.engine.running()[0]?.id as string;
    host.engine.kill(victim);
    await until(async () => (await answering(host)) === id);
    assert.notEqual(host.engine.running()[0]?.id, victim);
  });

  it("what is deleted is gone, in memory and on disk; what serves cannot be deleted by itself", async (t) => {
    const host = await world(t);
    const [one, two] = [host.deploy(await host.pack("one")), await host.pack("two")];
    await host.settled(one);
    const second = host.deploy(two);
    await host.settled(second);
    await assert.rejects(host.deployments.removeDeployment("m", second), { code: "CONFLICT" });
    await host.deployments.removeDeployment("m", one);
    assert.equal(
      codeOf(() => host.deployments.deployment(one)),
      "NOT_FOUND",
    );
    await host.deployments.removeEnvironment("m", "production");
    assert.equal(
      codeOf(() => host.deployments.resolve("m", { environment: "production" })),
      "NO_DEPLOYMENT",
    );
    await until(() => host.engine.running().length === 0);
    await host.deployments.removeModel("m");
    assert.equal(
      codeOf(() => host.deployments.status("m")),
      "NOT_FOUND",
    );
  });

  it("what is wanted stays wanted when a rollout ends beside it, also over a restart", async (t) => {
    const host = await world(t);
    await host.settled(host.deploy(await host.pack("one")));
    await host.settled(host.deploy(await host.pack("two"), { rollout: 10 }));
    const third = host.deploy(await host.pack("three"));
    host.deployments.abortRollout("m", "production");
    assert.equal(environmentOf(host).desired?.deployment, third);
    await host.crash();
    assert.equal(await host.settled(third), "ACTIVE", "nothing that was acknowledged is lost");
    await host.settled(host.deploy(await host.pack("four"), { rollout: 10 }));
    const fifth = host.deploy(await host.pack("five"));
    await host.settled(fifth);
    const { desired, serving } = environmentOf(host);
    assert.deepEqual([desired?.deployment, serving?.deployment], [fifth, fifth]);
  });

  it("one that cannot be taken up again does not keep the others from it", async (t) => {
    const host = await world(t);
    const [one, two] = [await host.pack("one"), await host.pack("two")];
    const first = host.deploy(one, { environment: "a-first" });
    const second = host.deploy(two);
    await Promise.all([host.settled(first), host.settled(second)]);
    const { dir } = host.store;
    const config = host.store.packages.manifest(one).files.find(([, path]) => path === "config/config.json");
    assert.ok(config);
    rmSync(join(dir, "configs", `${first}.json`));
    rmSync(host.store.blobs.pathOf(config[2]));
    // Both have the same config: the second one has its own copy of it.
    await host.crash();
    assert.equal(await answering(host), second);
    assert.equal(
      codeOf(() => host.deployments.resolve("m", { environment: "a-first" })),
      "NO_DEPLOYMENT",
    );
    await assert.rejects(host.deployments.removeDeployment("m", first), { code: "CONFLICT" });
  });

  it("a model that is deleted while it is pushed to leaves nothing that runs", async (t) => {
    const host = await world(t);
    await host.settled(host.deploy(await host.pack("one")));
    const two = await host.pack("two");
    const lease = await host.deployments.resolve("m", { environment: "production" }).acquire();
    const removed = host.deployments.removeModel("m");
    assert.equal(
      codeOf(() => host.deployments.status("m")),
      "NOT_FOUND",
      "at once",
    );
    const second = host.deploy(two);
    await host.settled(second);
    lease.end("cancelled");
    await removed;
    assert.equal(environmentOf(host).serving?.deployment, second, "what was pushed since then stays");
    assert.equal(await answering(host), second);
    await host.deployments.removeModel("m");
    await until(() => host.engine.running().length === 0);
  });

  it("a rollout that has no replica gives its share to what serves, and is taken back with the reason", async (t) => {
    const host = await world(t, { tickMs: 20 });
    const first = host.deploy(await host.pack("one"));
    await host.settled(first);
    const two = await host.pack("two");
    const second = host.deploy(two, { rollout: 50 });
    await host.settled(second);
    host.engine.broken.add(two.slice("sha256:".length));
    const victim = host.engine.running().find(({ deployment }) => deployment === second);
    host.engine.kill(victim?.id as string);
    // Each of them would wait for a replica that does not come.
    for (let i = 0; i < 20; i++) assert.equal(await answering(host), first);
    assert.equal(await host.settled(second).then(() => untilFailed(host, second)), "FAILED");
    assert.match(
      host.deployments.deployment(second).error?.message ?? "",
      /no replica is ready: .*no weights/,
    );
    assert.equal(environmentOf(host).rollout, null);
  });

  it("takes over with as many replicas as the one before has, and keeps them", async (t) => {
    const host = await world(t, { tickMs: 20, loadMs: 40 });
    const config = "autoscaling: { min_replicas: 1, max_replicas: 3, concurrency_target: 1 }";
    await host.settled(host.deploy(await host.pack("one", config)));
    const { deployments } = host;
    const busy = [1, 2, 3, 4].map(() => deployments.resolve("m", { environment: "production" }).acquire());
    await until(() => environmentOf(host).replicas === 3);
    const second = host.deploy(await host.pack("two", config));
    const counts = new Set<number>();
    await until(() => {
      const { replicas, serving } = environmentOf(host);
      counts.add(replicas);
      return serving?.deployment === second;
    });
    for (const lease of busy) (await lease).end("cancelled");
    // Some looks at a load of nothing.
    await until(() => host.engine.running().length === 3);
    await new Promise((resolve) => setTimeout(resolve, 100));
    counts.add(environmentOf(host).replicas);
    assert.deepEqual([...counts], [3]);
    const small = await host.pack("three", "autoscaling: { max_replicas: 2 }");
    const third = host.deploy(small, { rollout: 10 });
    await host.settled(third);
    assert.equal(
      host.engine.running().filter(({ deployment }) => deployment === third).length,
      1,
      "its share",
    );
    deployments.finishRollout("m", "production");
    await until(() => environmentOf(host).replicas === 2);
  });

  it("what cannot be put in place is told, and comes up once it can", async (t) => {
    const host = await world(t, { tickMs: 20 });
    const digest = await host.pack("one", "autoscaling: { min_replicas: 0 }");
    const first = host.deploy(digest);
    await host.settled(first);
    await host.crash();
    assert.equal(environmentOf(host).state, "SCALED_TO_ZERO");
    for (const folder of ["packages", "trees"]) rmSync(join(host.store.dir, folder), { recursive: true });
    const file = host.store.packages.manifest(digest).files.find(([, path]) => path === "data/text");
    const blob = host.store.blobs.pathOf(file?.[2] as Digest);
    renameSync(blob, `${blob}.away`);
    for (const folder of ["packages", "trees"]) mkdirSync(join(host.store.dir, folder));
    await assert.rejects(answer(host), { code: "REPLICA_UNAVAILABLE" });
    await assert.rejects(answer(host), { code: "REPLICA_UNAVAILABLE" });
    renameSync(`${blob}.away`, blob);
    assert.equal(await until(() => answering(host).catch(() => false), { interval: 50 }), first);
    const told = host.deployments.rows.events(first).filter(({ type }) => type === "unhealthy");
    assert.equal(told.length, 1, "one reason is told once");
  });

  it("a secret that is set while a replica loads reaches it", async (t) => {
    const secrets = { token: "old", other: "of another model" };
    const host = await world(t, { loadMs: 150, secrets });
    const id = host.deploy(await host.pack("one", "secrets: { token: null }"));
    await until(() => host.engine.running().length === 1, { interval: 2 });
    secrets.token = "new";
    assert.equal(environmentOf(host).serving, null, "it is still loading");
    host.deployments.secretsChanged();
    await host.settled(id);
    assert.deepEqual((await answer(host)).secrets, { token: "new" });
  });

  it("years of comings and goings keep a bounded timeline; configs of what is over are gone", async (t) => {
    const host = await world(t);
    const [one, two] = [await host.pack("one"), await host.pack("two")];
    const first = host.deploy(one);
    await host.settled(first);
    const { rows } = host.deployments;
    rows.transaction(() => {
      for (let i = 0; i < 3000; i++) rows.event(first, "replica-ended", `${i}`);
    });
    const events = rows.events(first);
    assert.ok(events.length > 900 && events.length < 1100, `${events.length} events`);
    assert.equal(events.at(-1)?.message, "2999");
    for (const type of ["created", "activated"]) assert.ok(events.some((event) => event.type === type));
    const second = host.deploy(two);
    await host.settled(second);
    await until(() => readdirSync(join(host.store.dir, "configs")).join() === `${second}.json`);
    await host.deployments.removeModel("m");
    await until(() => readdirSync(join(host.store.dir, "configs")).length === 0);
    rows.event(second, "replica-ended", "too late");
    assert.deepEqual(rows.events(second), []);
  });

  for (const seed of [1, 2, 3]) {
    it(`whatever comes in whatever order, what serves has been live and answers (seed ${seed})`, async (t) => {
      const host = await world(t);
      const random = seededRandom(seed);
      const packages = await Promise.all(["a", "b", "c", "bad"].map((text) => host.pack(text)));
      const bad = packages[3] as Digest;
      host.engine.broken.add(bad.slice("sha256:".length));
      let last = host.deploy(packages[0] as Digest);
      await host.settled(last);
      for (let step = 0; step < 40; step++) {
        last = (await act(host, random, packages)) ?? last;
        if (random.int(3) === 0) await host.settled(last).catch(() => undefined);
        const { serving } = environmentOf(host);
        assert.ok(serving, "something serves, at every moment");
        const row = host.deployments.deployment(serving.deployment);
        assert.ok(row.activated_at !== null && row.state === "ACTIVE", `${row.id} is ${row.state}`);
        assert.notEqual(row.package, bad);
        host.engine.broken.add(bad.slice("sha256:".length));
      }
      await host.settled(last);
      const { serving, rollout, desired } = environmentOf(host);
      assert.ok([serving?.deployment, rollout?.deployment].includes(await answering(host)));
      // What is wanted has come, or has failed: nothing that was overtaken is wanted.
      const { state } = host.deployments.deployment(desired?.deployment ?? "");
      assert.ok(state === "ACTIVE" || state === "FAILED", `what is wanted is ${state}`);
    });
  }
});

/** One random act; the id of the deployment that it made. */
async function act(host: World, random: Random, packages: Digest[]): Promise<string | null> {
  const { deployments } = host;
  const attempt = (work: () => string | null): string | null => {
    try {
      return work();
    } catch (error) {
      if (error instanceof HostError) return null;
      throw error;
    }
  };
  switch (random.int(8)) {
    case 0:
    case 1:
      return attempt(() => host.deploy(random.pick(packages)));
    case 2:
      return attempt(() => host.deploy(random.pick(packages), { rollout: 1 + random.int(99) }));
    case 3:
      return attempt(() => deployments.rollback({ model: "m", environment: "production", by: "t" }).id);
    case 4:
      attempt(
        () =>
          (random.int(2) === 0 ? deployments.abortRollout : deployments.finishRollout).call(
            deployments,
            "m",
            "production",
          ).id,
      );
      return null;
    case 5:
      host.engine.kill(host.engine.running()[0]?.id ?? "");
      return null;
    case 6:
      await host.crash();
      return null;
    default:
      return attempt(
        () => deployments.promote({ model: "m", from: "production", to: "staging", by: "t" }).id,
      );
  }
}
