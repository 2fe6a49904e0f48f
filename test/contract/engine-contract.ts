import assert from "node:assert/strict";
import { request } from "node:http";
import { join } from "node:path";
import { it, type TestContext } from "node:test";
import type { Engine, Replica, ReplicaSpec } from "../../src/server/engine.ts";
import { isAlive } from "../helpers/is-alive.ts";
import { processesOf, writePackage } from "../helpers/run-model.ts";
import { tmpDir } from "../helpers/tmp-dir.ts";
import { until } from "../helpers/until.ts";

const MODEL = `
export class Model {
  constructor({ secrets, environment }) { this.secrets = secrets; this.environment = environment; }
  setupEnvironment(environment) { this.environment = environment; }
  async predict(input) {
    if (input.sleep) await new Promise((resolve) => setTimeout(resolve, input.sleep));
    if (input.spin) for (;;);
    if (input.log) for (let i = 0; i < input.log; i++) console.log("line " + i + " " + "x".repeat(200));
    if (input.exit) process.exit(input.exit);
    if (input.allocate) { const held = []; for (let i = 0; i < input.allocate; i++) held.push(Buffer.alloc(1 << 20, 1)); return held.length; }
    return {
      echo: input.echo,
      pid: process.pid,
      secret: input.secret === undefined ? null : await this.secrets[input.secret],
      environment: this.environment,
      env: Object.keys(process.env),
    };
  }
}`;

/** Told by other processes' environment, too, if it were passed on. */
const HOST_VARIABLE = "PURLIN_TEST_OF_THE_HOST";

interface Started {
  replica: Replica;
  lines: string[];
  spec: ReplicaSpec;
}

export interface ContractOptions {
  make(t: TestContext): Promise<Engine>;
  /** A model's process.pid names a process of this machine. */
  hostPids: boolean;
  /** Memory is limited here. */
  limitsMemory: boolean;
}

/** What every engine does; called within a `describe`. */
export function engineContract({ make, hostPids, limitsMemory }: ContractOptions): void {
  it("starts a package, which answers, is counted, and is gone after a stop", async (t) => {
    const { replica, spec } = await start(t, await make(t));
    const address = await replica.listening;
    assert.match(address, /^unix:|^http:/);
    assert.ok((await replica.ready).load_ms >= 0);
    const { body } = await predict(address, { echo: [1, "é"] });
    assert.deepEqual(body["echo"], [1, "é"]);
    const stats = replica.stats();
    assert.ok(stats === null || stats.rssBytes > 30e6, JSON.stringify(stats));
    await replica.stop();
    assert.match((await replica.exited).reason, /exit code 0/);
    await replica.stop();
    assert.deepEqual(await processesOf(spec.packageDir), []);
  });

  it("a model that cannot be loaded: its own error and stack", async (t) => {
    const source =
      'export class Model { load() { throw new Error("weights are missing"); } predict() { return 1; } }';
    const { replica } = await start(t, await make(t), { source });
    await assert.rejects(
      replica.ready,
      (error: Error & { code: string; problems: { message: string }[] }) => {
        assert.equal(error.code, "LOAD_FAILED");
        assert.match(error.message, /weights are missing/);
        assert.match(error.problems.map(({ message }) => message).join("\n"), /load/);
        return true;
      },
    );
    assert.notEqual((await replica.exited).reason, "");
  });

  it("a stop lets a running request end, and its answer is whole", async (t) => {
    const { replica } = await start(t, await make(t));
    await replica.ready;
    const answer = predict(await replica.listening, { sleep: 600, echo: "late" });
    await until(async () => (await metrics(await replica.listening)).match(/in_flight\S* 1/));
    await replica.stop();
    assert.equal((await answer).body["echo"], "late");
  });

  it("a stop without grace ends a model that spins, and no process of it is left", async (t) => {
    const { replica, spec } = await start(t, await make(t));
    await replica.ready;
    const address = await replica.listening;
    const answer = predict(address, { spin: true }).catch(() => null);
    await until(async () => (await metrics(address)).match(/in_flight\S* 1/));
    await replica.stop({ graceMs: 0 });
    assert.deepEqual(await processesOf(spec.packageDir), []);
    await answer;
  });

  it("a replica that is killed says so", async (t) => {
    const { replica, spec } = await start(t, await make(t));
    await replica.ready;
    process.kill(replica.pid as number, "SIGKILL");
    assert.match((await replica.exited).reason, /kill/i);
    await until(async () => (await processesOf(spec.packageDir)).length === 0);
  });

  it("gives the secrets of its spec and no others, and new values without a restart", async (t) => {
    const { replica } = await start(t, await make(t), {
      config: "secrets: {token: null, other: null}\n",
      secrets: { token: "first-value" },
    });
    await replica.ready;
    const address = await replica.listening;
    const before = await predict(address, { secret: "token" });
    assert.equal(before.body["secret"], "first-value");
    assert.notEqual((await predict(address, { secret: "other" })).status, 200);
    replica.setSecrets({ token: "second-value" });
    const after = await until(async () => {
      const { body } = await predict(address, { secret: "token" });
      return body["secret"] === "second-value" && body;
    });
    assert.equal(after["pid"], before.body["pid"]);
  });

  it("tells its environment, also a new one; nothing of the host's variables is seen", async (t) => {
    process.env[HOST_VARIABLE] = "1";
    t.after(() => delete process.env[HOST_VARIABLE]);
    const { replica } = await start(t, await make(t), { environmentInfo: { name: "staging" } });
    await replica.ready;
    const address = await replica.listening;
    const { body } = await predict(address, {});
    assert.equal((body["environment"] as { name: string }).name, "staging");
    assert.ok(!(body["env"] as string[]).includes(HOST_VARIABLE));
    replica.setEnvironment({ name: "production" });
    await until(
      async () =>
        ((await predict(address, {})).body["environment"] as { name: string }).name === "production",
    );
  });

  it("tells each line whole, in order, however many there are", async (t) => {
    const { replica, lines } = await start(t, await make(t));
    await replica.ready;
    await predict(await replica.listening, { log: 2000 });
    await replica.stop();
    const messages = lines.flatMap((line) => {
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

  it("a model that takes more memory than it may is ended and named; its replica serves on", async (t) => {
    if (!limitsMemory) return t.skip("memory cannot be limited on this machine");
    const events: string[] = [];
    const { replica } = await start(t, await make(t), { memoryBytes: 160 << 20 }, events);
    await replica.ready;
    const address = await replica.listening;
    assert.equal((await predict(address, { allocate: 2000 })).status, 503);
    await until(() => events.some((reason) => /out of memory/.test(reason)), {
      what: () => `out of memory in ${JSON.stringify(events)}`,
    });
    await until(async () => (await predict(address, { echo: 1 })).status === 200);
    return undefined;
  });

  it("two replicas are apart, and the engine's end leaves no process of either, spinning or not", async (t) => {
    const engine = await make(t);
    const [one, two] = await Promise.all([start(t, engine), start(t, engine)]);
    await Promise.all([one.replica.ready, two.replica.ready]);
    const pids: number[] = [];
    for (const { replica } of [one, two]) {
      pids.push(replica.pid as number);
      const { body } = await predict(await replica.listening, {});
      if (hostPids) pids.push(body["pid"] as number);
    }
    const address = await one.replica.listening;
    const answer = predict(address, { spin: true }).catch(() => null);
    await until(async () => (await metrics(address)).match(/in_flight\S* 1/));
    await engine.close();
    await answer;
    assert.deepEqual(pids.filter(isAlive), []);
    assert.deepEqual(await processesOf(one.spec.packageDir), []);
    assert.deepEqual(await processesOf(two.spec.packageDir), []);
  });
}

let nextId = 1;

async function start(
  t: TestContext,
  engine: Engine,
  options: Partial<ReplicaSpec> & { source?: string; config?: string } = {},
  crashes: string[] = [],
): Promise<Started> {
  const { source = MODEL, config = "", ...over } = options;
  const root = await tmpDir(t);
  const packageDir = join(root, "package");
  await writePackage(packageDir, source, config);
  const spec: ReplicaSpec = {
    id: `rep_test${process.pid}x${nextId++}`,
    model: "m",
    environment: "production",
    deployment: "dep_test",
    packageDir,
    treesDir: root,
    variantsDir: null,
    configFile: join(packageDir, "config/config.json"),
    environmentInfo: { name: "production" },
    secrets: {},
    memoryBytes: 1 << 30,
    cpus: 1,
    development: false,
    ...over,
  };
  const lines: string[] = [];
  const replica = engine.start(spec, {
    onLine: (line) => lines.push(line),
    onEvent: (event) => event.type === "crashed" && crashes.push(event.reason),
  });
  t.after(() => replica.stop({ graceMs: 0 }));
  return { replica, lines, spec };
}

async function predict(
  address: string,
  input: unknown,
): Promise<{ status: number; body: Record<string, unknown> }> {
  const { status, text } = await call(address, "/predict", JSON.stringify(input));
  return { status, body: JSON.parse(text) as Record<string, unknown> };
}

async function metrics(address: string): Promise<string> {
  return (await call(address, "/metrics")).text;
}

/** fetch has no sockets of files. */
function call(address: string, path: string, body?: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const options = { method: body === undefined ? "GET" : "POST", agent: false as const };
    const sent = address.startsWith("unix:")
      ? request({ ...options, socketPath: address.slice("unix:".length), path })
      : request(new URL(path, address), options);
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
