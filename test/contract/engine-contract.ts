import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { it, type TestContext } from "node:test";
import { placeOf } from "../../src/client/place-of.ts";
import type { Address } from "../../src/protocol/address.ts";
import type { Config } from "../../src/protocol/config.ts";
import type { Digest } from "../../src/protocol/manifest.ts";
import type {
  DeploymentSpec,
  Engine,
  PackageReference,
  ReplicaGroup,
  SeenReplica,
} from "../../src/server/replicas/engine.ts";
import { writePackage } from "../helpers/run-model.ts";
import { tmpDir } from "../helpers/tmp-dir.ts";
import { until } from "../helpers/until.ts";

const MODEL = `
export class Model {
  constructor({ secrets, environment }) { this.secrets = secrets; this.environment = environment; this.calls = 0; }
  async predict(input) {
    this.calls += 1;
    if (input.sleep) await new Promise((resolve) => setTimeout(resolve, input.sleep));
    if (input.spin) for (;;);
    if (input.log) for (let i = 0; i < input.log; i++) console.log("line " + i + " " + "x".repeat(200));
    if (input.allocate) { const held = []; for (let i = 0; i < input.allocate; i++) held.push(Buffer.alloc(1 << 20, 1)); return held.length; }
    return {
      echo: input.echo,
      calls: this.calls,
      pid: process.pid,
      secret: input.secret === undefined ? null : await this.secrets[input.secret],
      environment: this.environment,
      env: Object.keys(process.env),
    };
  }
}`;

/** Told by other processes' environment, too, if it were passed on. */
const HOST_VARIABLE = "PURLIN_TEST_OF_THE_HOST";

/** A limit for what must not take long; far above what it takes on a busy machine. */
const PATIENCE = { timeout: 60_000 };

/** An engine under test, with the hands on its machines that the suite needs. */
export interface EngineUnderTest {
  /** It has adopted nothing yet that is to be kept. */
  engine: Engine;
  /** As a machine that fails: the replica's processes are gone at once. */
  kill(replica: SeenReplica): Promise<void>;
  /** Processes of a package that are alive, wherever the engine runs them. */
  processesOf(packageDir: string): Promise<number[]>;
  /** What the next host has: the same machines, another engine object. */
  nextHost(): Engine;
}

export interface ContractOptions {
  make(t: TestContext): Promise<EngineUnderTest>;
  /** Memory is limited here. */
  limitsMemory: boolean;
}

interface Running extends EngineUnderTest {
  group: ReplicaGroup;
  spec: DeploymentSpec;
  packageDir: string;
  /** Later variants of the package lie below it. */
  root: string;
  lines: string[];
  events: string[];
  troubles: (string | null)[];
  /** Where requests go now, by replica. */
  backends: Map<string, Address>;
  /** The only backend, once there is one. */
  address(): Promise<Address>;
}

/** What every engine does; called within a `describe`. */
export function engineContract({ make, limitsMemory }: ContractOptions): void {
  const run = async (t: TestContext, options: RunOptions = {}): Promise<Running> =>
    runOn(t, await make(t), options);

  it("keeps one replica, which answers and is listed, and none after a stop", async (t) => {
    const running = await run(t);
    const { group, backends } = running;
    assert.deepEqual([group.ready, group.list()], [0, []], "nothing runs before it is asked for");
    group.scale(1);
    await group.firstReady;
    const { body } = await predict(await running.address(), { echo: [1, "é"] });
    assert.deepEqual(body["echo"], [1, "é"]);
    const [seen] = group.list();
    assert.deepEqual([seen?.state, seen?.id, group.ready], ["ready", [...backends.keys()][0], 1]);
    assert.notEqual(seen?.place, "");
    await group.stop();
    await group.stop();
    assert.equal(backends.size, 0);
    await until(async () => (await running.processesOf(running.packageDir)).length === 0, PATIENCE);
  });

  it("a model that cannot be loaded: its own error and stack, and nothing is tried again", async (t) => {
    const source =
      'export class Model { load() { throw new Error("weights are missing"); } predict() { return 1; } }';
    const { group } = await run(t, { source });
    group.scale(2);
    await assert.rejects(group.firstReady, (error: Error & { code: string }) => {
      assert.equal(error.code, "LOAD_FAILED");
      assert.match(error.message, /weights are missing/);
      return true;
    });
    await until(() => group.list().length === 0, PATIENCE);
  });

  it("scales up and down; who goes gets no more requests", async (t) => {
    const { group, backends } = await run(t);
    group.scale(3);
    await until(() => group.ready === 3 && backends.size === 3, PATIENCE);
    group.scale(1);
    await until(() => group.list().length === 1 && backends.size === 1, PATIENCE);
    group.scale(0);
    await until(() => group.list().length === 0 && backends.size === 0, PATIENCE);
    group.scale(1);
    await until(() => group.ready === 1, PATIENCE);
  });

  it("a replica that is killed is replaced without being asked, and that is told", async (t) => {
    const running = await run(t);
    const { group, events } = running;
    group.scale(1);
    await group.firstReady;
    const [first] = group.list() as [SeenReplica];
    await running.kill(first);
    const next = await until(
      () => group.list().find(({ id, state }) => id !== first.id && state === "ready"),
      {
        ...PATIENCE,
        what: () => JSON.stringify(group.list()),
      },
    );
    assert.equal((await predict(await running.address(), { echo: 1 })).status, 200);
    assert.ok(events.includes("replica-ended"), events.join());
    assert.notEqual(next.id, first.id);
  });

  it("a stop lets a running request end, and its answer is whole", async (t) => {
    const running = await run(t);
    running.group.scale(1);
    await running.group.firstReady;
    const address = await running.address();
    const answer = predict(address, { sleep: 600, echo: "late" });
    await until(async () => /in_flight\S* 1/.test(await metrics(address)), PATIENCE);
    await running.group.stop({ graceMs: 30_000 });
    assert.equal((await answer).body["echo"], "late");
  });

  it("a stop without grace ends a model that spins, and no process of it is left", async (t) => {
    const running = await run(t);
    running.group.scale(1);
    await running.group.firstReady;
    const address = await running.address();
    const answer = predict(address, { spin: true }).catch(() => null);
    await until(async () => /in_flight\S* 1/.test(await metrics(address)), PATIENCE);
    await running.group.stop({ graceMs: 0 });
    await until(async () => (await running.processesOf(running.packageDir)).length === 0, PATIENCE);
    await answer;
  });

  it("gives the secrets of its spec and no others, and new values without a restart", async (t) => {
    const running = await run(t, {
      config: "secrets: {token: null, other: null}\n",
      spec: { secrets: { token: "first-value" } },
    });
    running.group.scale(1);
    await running.group.firstReady;
    const address = await running.address();
    const before = await predict(address, { secret: "token" });
    assert.equal(before.body["secret"], "first-value");
    assert.notEqual((await predict(address, { secret: "other" })).status, 200);
    running.group.setSecrets({ token: "second-value" });
    const after = await until(async () => {
      const { body } = await predict(address, { secret: "token" });
      return body["secret"] === "second-value" && body;
    }, PATIENCE);
    assert.equal(after["pid"], before.body["pid"]);
  });

  it("tells its environment; nothing of the host's variables is seen", async (t) => {
    process.env[HOST_VARIABLE] = "1";
    t.after(() => delete process.env[HOST_VARIABLE]);
    const running = await run(t, { spec: { environmentInfo: { name: "staging" } } });
    running.group.scale(1);
    await running.group.firstReady;
    const { body } = await predict(await running.address(), {});
    assert.equal((body["environment"] as { name: string }).name, "staging");
    assert.ok(!(body["env"] as string[]).includes(HOST_VARIABLE));
  });

  it("tells each line whole, in order, however many there are", async (t) => {
    const running = await run(t);
    running.group.scale(1);
    await running.group.firstReady;
    await predict(await running.address(), { log: 2000 });
    await running.group.stop({ graceMs: 10_000 });
    const messages = running.lines.flatMap((line) => {
      if (!line.startsWith("{")) return [];
      const { message } = JSON.parse(line) as { message: string };
      return /^line \d+ x{200}$/.test(message) ? [Number(message.split(" ")[1])] : [];
    });
    assert.ok(messages.length > 1000, `${messages.length} lines`);
    assert.deepEqual(
      messages,
      messages.toSorted((a, b) => a - b),
    );
  });

  it("swaps methods on replicas that run, where it says that it can", async (t) => {
    const running = await run(t, { spec: { development: true } });
    if (!running.engine.capabilities.swapsInPlace) return t.skip("this engine does not swap in place");
    running.group.scale(2);
    await until(() => running.group.ready === 2, PATIENCE);
    const before = await Promise.all([...running.backends.values()].map((each) => predict(each, {})));
    const next = await packageOf(running.root, MODEL.replace("calls: this.calls", "calls: this.calls + 100"));
    assert.equal(await running.group.swapMethods(next.reference), 2);
    for (const [index, address] of [...running.backends.values()].entries()) {
      const { body } = await predict(address, {});
      assert.deepEqual([body["calls"], body["pid"]], [102, before[index]?.body["pid"]], "the instance stays");
    }
    const broken = await packageOf(running.root, "export class Model {");
    await assert.rejects(running.group.swapMethods(broken.reference));
    const [address] = [...running.backends.values()] as [Address];
    assert.equal((await predict(address, {})).body["calls"], 103, "what served before serves on");
    // Replicas that start later have the code that is live.
    running.group.scale(3);
    await until(() => running.group.ready === 3, PATIENCE);
    const last = [...running.backends.values()].at(-1) as Address;
    assert.equal((await predict(last, {})).body["calls"], 101);
    return undefined;
  });

  it("what has served before and cannot be put in place is told, tried again, and comes up", async (t) => {
    let refusals = 1;
    const running = await run(t, {
      beforeLocal: () => {
        if (refusals-- > 0) throw new Error("no space left on device");
      },
    });
    running.group.assumeProven();
    running.group.scale(1);
    await until(() => running.troubles[0] === "no space left on device", PATIENCE);
    await until(() => running.group.ready === 1, PATIENCE);
    assert.equal(running.troubles.at(-1), null);
  });

  it("a model that takes more memory than it may is ended and named; its replica serves on", async (t) => {
    if (!limitsMemory) return t.skip("memory cannot be limited on this machine");
    const resources = { memoryBytes: 160 << 20, cpus: 1, accelerator: null };
    const running = await run(t, { spec: { resources } });
    running.group.scale(1);
    await running.group.firstReady;
    const address = await running.address();
    assert.equal((await predict(address, { allocate: 2000 })).status, 503);
    await until(() => running.events.some((event) => /crashed.*out of memory/.test(event)), {
      ...PATIENCE,
      what: () => running.events.join("\n"),
    });
    await until(async () => (await predict(address, { echo: 1 })).status === 200, PATIENCE);
    return undefined;
  });

  it("after the host's end replicas stay for the next one, or none is left: as its capabilities say", async (t) => {
    const tested = await make(t);
    const running = await runOn(t, tested, {});
    const other = await runOn(t, tested, {});
    for (const { group } of [running, other]) group.scale(1);
    await Promise.all([running.group.firstReady, other.group.firstReady]);
    const { pid } = (await predict(await running.address(), {})).body;
    await Promise.all([running.group.leave({ graceMs: 0 }), other.group.leave({ graceMs: 0 })]);
    await tested.engine.close();

    const next = tested.nextHost();
    t.after(() => next.close());
    await next.adopt([running.spec.deployment]);
    // The one that nobody wants any more is gone in either case.
    await until(async () => (await tested.processesOf(other.packageDir)).length === 0, PATIENCE);
    const again = await runOn(t, { ...tested, engine: next }, { spec: running.spec });
    again.group.assumeProven();
    again.group.scale(1);
    await until(() => again.group.ready === 1, PATIENCE);
    const { body } = await predict(await again.address(), {});
    if (next.capabilities.survivesHost) assert.equal(body["pid"], pid, "taken over as it was");
    assert.equal(again.group.list().length, 1);
    await again.group.stop({ graceMs: 0 });
    await until(async () => (await tested.processesOf(running.packageDir)).length === 0, PATIENCE);
  });
}

interface RunOptions {
  source?: string;
  config?: string;
  spec?: Partial<DeploymentSpec>;
  beforeLocal?: () => void;
}

let nextId = 1;

async function runOn(t: TestContext, tested: EngineUnderTest, options: RunOptions): Promise<Running> {
  const { source = MODEL, config = "", beforeLocal } = options;
  const root = await tmpDir(t);
  const made = await packageOf(root, source, config, beforeLocal);
  const spec: DeploymentSpec = {
    deployment: `dep_test${process.pid}x${nextId++}`,
    model: "m",
    environment: "production",
    package: made.reference,
    config: made.config,
    environmentInfo: { name: "production" },
    secrets: {},
    resources: { memoryBytes: 1 << 30, cpus: 1, accelerator: null },
    development: false,
    ...options.spec,
  };
  const [lines, events, troubles]: [string[], string[], (string | null)[]] = [[], [], []];
  const backends = new Map<string, Address>();
  const group = tested.engine.run(spec, {
    backends: {
      add: ({ id, address }) => void backends.set(id, address),
      remove: async (id) => void backends.delete(id),
    },
    inFlight: () => 0,
    onEvent: (type, message) => events.push(type === "crashed" ? `${type}: ${message}` : type),
    onLine: (_replica, line) => lines.push(line),
    onTrouble: (why) => troubles.push(why),
  });
  t.after(() => group.stop({ graceMs: 0 }));
  const address = (): Promise<Address> => until(() => [...backends.values()][0], PATIENCE);
  const packageDir = options.spec?.package === undefined ? made.local.dir : (await spec.package.local()).dir;
  return { ...tested, group, spec, packageDir, root, lines, events, troubles, backends, address };
}

/** A package in a folder of its own below `root`, which replicas may see. */
async function packageOf(root: string, source: string, config = "", beforeLocal?: () => void) {
  const dir = join(root, `package${nextId++}`);
  await writePackage(dir, source, config);
  const local = { dir, variantDirs: [root] };
  const reference: PackageReference = {
    digest: `sha256:${nextId++}` as Digest,
    local: async () => {
      beforeLocal?.();
      return local;
    },
  };
  const resolved = JSON.parse(await readFile(join(dir, "config/config.json"), "utf8")) as Config;
  return { reference, local, config: resolved };
}

async function predict(
  address: Address,
  input: unknown,
): Promise<{ status: number; body: Record<string, unknown> }> {
  const { status, text } = await call(address, "/predict", JSON.stringify(input));
  return { status, body: JSON.parse(text) as Record<string, unknown> };
}

async function metrics(address: Address): Promise<string> {
  return (await call(address, "/metrics")).text;
}

/** fetch has no sockets of files. */
function call(address: Address, path: string, body?: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const method = body === undefined ? "GET" : "POST";
    const sent = request({ ...placeOf(address), method, path, agent: false });
    sent.on("error", reject);
    sent.on("response", (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (piece: string) => (text += piece));
      answer.on("end", () => resolve({ status: answer.statusCode ?? 0, text }));
      answer.on("error", reject);
    });
    sent.end(body);
  });
}
