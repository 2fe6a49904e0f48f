// Issue 3, item 10: kill -9 of the host, and of who pushes, at random moments.
import assert from "node:assert/strict";
import { it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { isAlive } from "../helpers/is-alive.ts";
import { makeModelProject } from "../helpers/make-model-project.ts";
import { seededRandom } from "../helpers/random.ts";
import { spawnCli } from "../helpers/spawn-cli.ts";
import { startTestHost } from "../helpers/test-host.ts";
import { until } from "../helpers/until.ts";

const ROUNDS = Number(process.env["PURLIN_FAULT_ROUNDS"] ?? 50);

it(`${ROUNDS} rounds of kill -9 during push, commit, switch and garbage collection lose nothing acknowledged`, async (t) => {
  const seed = Number(process.env["PURLIN_SEED"] ?? Date.now() % 100_000);
  t.diagnostic(`seed ${seed}`);
  const random = seededRandom(seed);
  const host = await startTestHost(t);
  const project = await makeModelProject(t, "killed");
  await host.ok(["push", project.dir]);
  let acknowledged = 1;
  const outcomes = { acknowledged: 0, "not acknowledged": 0, "live all the same": 0 };
  for (let round = 2; round < ROUNDS + 2; round++) {
    await project.version(round);
    // Different in each round, so that there is something to send and something to collect.
    await project.write("data/blob.bin", Buffer.alloc(300_000 + round, round));
    const killClient = random.int(10) < 3;
    const push = spawnCli(t, ["push", project.dir, "--force", "--json"], { cwd: project.dir, env: host.env });
    if (random.int(2) === 0) void host.fetch("/v1/gc", { method: "POST" }).catch(() => {});
    await Promise.race([delay(random.int(1600)), push.exited]);
    const before = host.processes().filter((pid) => pid !== host.pid && pid !== push.pid);
    if (killClient) push.kill("SIGKILL");
    await host.stop("SIGKILL");
    await until(() => !before.some(isAlive), {
      what: () => `${before.filter(isAlive)} to end in round ${round}`,
    });
    await host.start();
    // A push that lives goes on with the host that is back.
    const { code } = await push.exited;
    if (code === 0) {
      acknowledged = round;
      outcomes.acknowledged += 1;
    } else outcomes["not acknowledged"] += 1;

    const answer = await host.predict("killed", {});
    const text = await answer.text();
    assert.equal(answer.status, 200, `round ${round}: ${text}`);
    const { version } = JSON.parse(text) as { version: number };
    // Committed, and live before the client heard of it: allowed. Anything older than what was acknowledged: never.
    assert.ok(
      version >= acknowledged && version <= round,
      `round ${round}: ${version} serves, ${acknowledged} was acknowledged`,
    );
    if (version > acknowledged) outcomes["live all the same"] += 1;
    // What went live once stays so, or gives way to what was committed after it.
    acknowledged = Math.max(acknowledged, version);
  }
  t.diagnostic(JSON.stringify(outcomes));
  await host.ok(["push", project.dir, "--force"]);
  await host.stop();
  const verified = await host.cli(["host", "--verify", "--data", host.dataDir, "--json"]);
  assert.equal(verified.code, 0, verified.stdout + verified.stderr);
  assert.deepEqual(host.processes(), []);
});
