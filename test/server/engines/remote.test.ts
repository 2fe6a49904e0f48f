// A second engine, of the test tree: replicas behind TCP in another process, which replaces dead ones itself and
// survives a restart of the host. It passes the same suite as the local engine, and serves a whole host.
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { newHostKey, type RunningHost, startHost } from "../../../src/server/start-host.ts";
import { engineContract } from "../../contract/engine-contract.ts";
import { createRemoteEngine } from "../../contract/remote-engine/remote-engine.ts";
import { startAgent } from "../../contract/remote-engine/start-agent.ts";
import { makeProject } from "../../helpers/build-project.ts";
import { runCli } from "../../helpers/run-cli.ts";
import { processesOf } from "../../helpers/run-model.ts";
import { tmpDir } from "../../helpers/tmp-dir.ts";
import { until } from "../../helpers/until.ts";

describe("an engine elsewhere", () => {
  engineContract({
    limitsMemory: false,
    async make(t) {
      const agent = await startAgent(t);
      const engine = createRemoteEngine(agent.url);
      t.after(() => engine.close());
      return {
        engine,
        kill: async ({ place }) => void process.kill(Number(/process (\d+)/.exec(place)?.[1]), "SIGKILL"),
        processesOf,
        nextHost: () => createRemoteEngine(agent.url),
      };
    },
  });

  it("serves a whole host: pushed, called, counted, and answering on while the host is away", async (t) => {
    const agent = await startAgent(t);
    const root = await tmpDir(t, "ph-");
    const key = newHostKey();
    let host = await openHost(t, { root, key, agentUrl: agent.url });
    const dir = await makeProject(t, {
      "config.yaml": "model_name: away\nautoscaling: { min_replicas: 2, max_replicas: 2 }\n",
      "model/model.ts": "export class Model { predict() { return process.pid; } }\n",
    });
    const cli = async (...argv: string[]) => {
      const env = { PURLIN_API_URL: host.url, PURLIN_API_KEY: key, PURLIN_HOME: join(root, "home") };
      const done = await runCli([...argv, "--json"], { env, cwd: dir });
      assert.equal(done.code, 0, done.stderr + done.stdout);
      return done.json();
    };
    const call = async (): Promise<number> => {
      const url = `${host.url}/models/away/production/predict`;
      const answer = await fetch(url, {
        method: "POST",
        body: "1",
        headers: { authorization: `Bearer ${key}` },
      });
      assert.equal(answer.status, 200);
      return (await answer.json()) as number;
    };
    await cli("push", dir);
    const pids = new Set([await call(), await call(), await call(), await call()]);
    assert.equal(pids.size, 2, "two replicas take turns");
    const metrics = await fetch(`${host.url}/metrics`, { headers: { authorization: `Bearer ${key}` } });
    assert.equal(
      (await metrics.text()).match(/purlin_ready\{[^}]*replica=/g)?.length,
      2,
      "both are scraped over TCP",
    );

    await host.close();
    for (const pid of pids) assert.doesNotThrow(() => process.kill(pid, 0), "a replica ended with the host");
    host = await openHost(t, { root, key, agentUrl: agent.url });
    await until(async () => ((await cli("status", "away")) as Status).environments[0]?.replicas === 2);
    assert.ok(pids.has(await call()), "the next host has taken over what it found");

    const [victim] = pids;
    process.kill(victim as number, "SIGKILL");
    await until(async () => ((await cli("status", "away")) as Status).environments[0]?.replicas === 2);
    await cli("delete", "away", "--yes");
    for (const pid of pids) await until(() => !isThere(pid), { what: `the end of ${pid}` });
  });
});

interface Status {
  environments: { replicas: number }[];
}

async function openHost(
  t: TestContext,
  { root, key, agentUrl }: { root: string; key: string; agentUrl: string },
): Promise<RunningHost> {
  const host = await startHost({
    dataDir: join(root, "data"),
    host: "127.0.0.1",
    port: 0,
    engine: createRemoteEngine(agentUrl),
    adminKey: key,
    masterKeyFile: join(root, "master.key"),
    log: () => undefined,
  });
  t.after(() => host.close());
  return host;
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
