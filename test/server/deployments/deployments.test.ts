import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import type { Digest } from "../../../src/protocol/manifest.ts";
import { Deployments } from "../../../src/server/deployments/deployments.ts";
import { HostError } from "../../../src/server/host-error.ts";
import { openStore } from "../../../src/server/store/open-store.ts";
import type { Store } from "../../../src/server/store/store.ts";
import { validateConfig } from "../../../src/project/validate-config.ts";
import { type Random, seededRandom } from "../../helpers/random.ts";
import { tmpDir } from "../../helpers/tmp-dir.ts";
import { until } from "../../helpers/until.ts";
import { bytesOf, packageOf } from "../store/test-store.ts";
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

async function world(t: TestContext): Promise<World> {
  const root = await tmpDir(t, "pd-");
  const clock = { ahead: 0 };
  const open = () => {
    const store = openStore(join(root, "data"));
    const engine = scriptedEngine(mkdtempSync(join(root, "s")));
    const deployments = new Deployments({
      store,
      engine,
      secretsFor: () => ({}),
      now: () => new Date(Date.now() + clock.ahead),
    });
    deployments.start();
    return { store, engine, deployments };
  };
  let now = open();
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
    async pack(text, config = "") {
      const { config: checked } = validateConfig(`model_name: m\n${config}`, {
        file: "config.yaml",
        folderName: "m",
      });
      const files = { "config/config.json": JSON.stringify(checked), "data/text": text };
      const manifest = packageOf(files);
      const { push, missing } = now.store.packages.openPush("m", manifest);
      const texts = ["export default class Model {}\n", ...Object.values(files)].map(bytesOf);
      await now.store.blobs.writeMany(
        "m",
        texts.filter(({ digest }) => missing.includes(digest)),
      );
      now.store.packages.commit(push, () => "dep_none");
      return manifest.package;
    },
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
      now = open();
    },
  };
}

const environmentOf = ({ deployments }: World, name = "production") => {
  const found = deployments.status("m").environments.find((each) => each.name === name);
  assert.ok(found, `an environment ${name}`);
  return found;
};

async function answering({ deployments }: World, environment = "production"): Promise<string> {
  const lease = await deployments.resolve("m", { environment }).acquire();
  return new Promise((resolve, reject) => {
    const request = lease.client.request({ method: "GET", path: "/", headers: ["Host", "x"] });
    request.on("error", reject);
    request.on("response", (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (piece: string) => (text += piece));
      answer.on("end", () => {
        lease.end({ status: 200, ms: 1 });
        resolve((JSON.parse(text) as { deployment: string }).deployment);
      });
    });
    request.end();
  });
}

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
      const { serving, rollout } = environmentOf(host);
      assert.ok([serving?.deployment, rollout?.deployment].includes(await answering(host)));
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
