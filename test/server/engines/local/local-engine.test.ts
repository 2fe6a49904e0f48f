import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { findBubblewrap } from "../../../../src/server/engines/local/sandbox.ts";
import { limitsHere } from "../../../../src/server/engines/local/limits.ts";
import { createLocalEngine } from "../../../../src/server/engines/local/local-engine.ts";
import { type EngineUnderTest, engineContract } from "../../../contract/engine-contract.ts";
import { processesOf, writePackage } from "../../../helpers/run-model.ts";
import { tmpDir } from "../../../helpers/tmp-dir.ts";
import { until } from "../../../helpers/until.ts";

const limitsMemory = limitsHere().memory;
const bubblewrap = findBubblewrap();

describe("local engine, without a sandbox", () => {
  engineContract({ limitsMemory, make: (t) => makeLocal(t, { sandbox: false }) });

  it("says what isolation is in force and what is not", async (t) => {
    const engine = createLocalEngine({ runDir: join(await tmpDir(t), "run"), sandbox: false });
    t.after(() => engine.close());
    const said = (await engine.isolation()).join("\n");
    assert.match(said, /No sandbox/);
    assert.match(said, limitsMemory ? /Memory is limited/ : /Memory is not limited/);
  });

  it("a killed host leaves no process, also not a model that spins and is deaf to signals", async (t) => {
    const host = await startHost(t);
    process.kill(host.pid, "SIGKILL");
    await until(async () => (await processesOf(host.root)).length === 0, {
      what: "the end of every process below the run folder",
    });
  });

  it("where the guard is killed with the host, the next host ends what is left", async (t) => {
    const host = await startHost(t);
    const guards = (await processesOf(host.root)).filter((pid) => pid !== host.pid);
    // Stopped first: none of them can do its work before it is killed.
    process.kill(host.pid, "SIGSTOP");
    for (const pid of guards) {
      if (!(await isNode(pid))) process.kill(pid, "SIGKILL");
    }
    process.kill(host.pid, "SIGKILL");
    const engine = createLocalEngine({ runDir: join(host.root, "run"), sandbox: false });
    t.after(() => engine.close());
    await engine.adopt([]);
    await until(async () => (await processesOf(host.root)).length === 0);
    assert.deepEqual(readdirSync(join(host.root, "run")), []);
  });
});

describe(
  "local engine, in bubblewrap",
  { skip: bubblewrap === null && "bubblewrap is not installed" },
  () => {
    engineContract({ limitsMemory, make: (t) => makeLocal(t, { sandbox: true }) });
  },
);

async function makeLocal(t: TestContext, { sandbox }: { sandbox: boolean }): Promise<EngineUnderTest> {
  const runDir = join(await tmpDir(t), "run");
  const open = () => {
    const engine = createLocalEngine({ runDir, sandbox });
    t.after(() => engine.close());
    return engine;
  };
  return {
    engine: open(),
    kill: async ({ place }) => void process.kill(Number(/process (\d+)/.exec(place)?.[1]), "SIGKILL"),
    processesOf,
    nextHost: open,
  };
}

/** A process that starts one replica, whose model spins from then on. */
async function startHost(t: TestContext): Promise<{ pid: number; root: string }> {
  const root = await tmpDir(t, "pe-");
  const packageDir = join(root, "package");
  const source =
    'process.on("SIGTERM", () => {}); export class Model { load() { setTimeout(() => { for (;;); }, 50); } predict() {} }';
  await writePackage(packageDir, source);
  const engine = new URL("../../../../src/server/engines/local/local-engine.ts", import.meta.url).href;
  const script = `
    import { readFileSync } from "node:fs";
    import { createLocalEngine } from ${JSON.stringify(engine)};
    const group = createLocalEngine({ runDir: ${JSON.stringify(join(root, "run"))}, sandbox: false }).run({
      deployment: "dep_orphan${process.pid}", model: "m", environment: "production",
      package: { digest: "sha256:x", local: async () => ({ dir: ${JSON.stringify(packageDir)}, variantDirs: [] }) },
      config: JSON.parse(readFileSync(${JSON.stringify(join(packageDir, "config/config.json"))}, "utf8")),
      environmentInfo: { name: "production" }, secrets: {}, development: false,
      resources: { memoryBytes: 2 ** 30, cpus: 1, accelerator: null },
    }, {
      backends: { add() {}, async remove() {} }, inFlight: () => 0, onLine() {}, onEvent() {}, onTrouble() {},
    });
    group.scale(1);
    await group.firstReady;
    console.log("ready");
    setInterval(() => {}, 1000);
  `;
  const host = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const pid = host.pid as number;
  t.after(() => host.kill("SIGKILL"));
  await new Promise<void>((resolve, reject) => {
    host.stdout.once("data", () => resolve());
    host.once("close", () => reject(new Error("the host has ended")));
  });
  assert.ok(existsSync(join(root, "run")));
  await until(async () => (await processesOf(root)).length >= 3);
  return { pid, root };
}

async function isNode(pid: number): Promise<boolean> {
  return (await readFile(`/proc/${pid}/cmdline`, "utf8")).includes("node");
}
