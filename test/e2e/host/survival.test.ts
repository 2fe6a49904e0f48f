import assert from "node:assert/strict";
import { mkdir, stat } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { describe, it } from "node:test";
import { isAlive } from "../../helpers/is-alive.ts";
import { makeModelProject } from "../../helpers/make-model-project.ts";
import { execCli, spawnCli } from "../../helpers/spawn-cli.ts";
import { startTestHost } from "../../helpers/test-host.ts";
import { tmpDir } from "../../helpers/tmp-dir.ts";
import { until } from "../../helpers/until.ts";

describe("purlin host", () => {
  it("after kill -9 no process is left, also not one that spins; a new start serves what served", async (t) => {
    const host = await startTestHost(t);
    const project = await makeModelProject(t, "survivor");
    const pushed = await host.ok<{ deployment_id: string }>(["push", project.dir]);
    assert.equal((await host.predict("survivor", {})).status, 200);
    const others = host.processes().filter((each) => each !== host.pid);
    assert.ok(others.length >= 2, "front and model process");
    // Busy for longer than anybody waits, and blind to everything meanwhile.
    void host.predict("survivor", { spin: 120_000 }).catch(() => {});
    await until(async () => {
      const text = await (await host.fetch("/metrics")).text();
      return /in_flight\{[^}]*\} 1/.test(text);
    });
    await host.stop("SIGKILL");
    await until(() => !others.some(isAlive), {
      what: () => `${others.filter(isAlive)} to end`,
    });
    await host.start();
    const answer = await host.predict("survivor", { echo: 1 });
    assert.equal(answer.status, 200, await answer.clone().text());
    const status = await host.ok<{ environments: { serving: { deployment: string } }[] }>([
      "status",
      "survivor",
    ]);
    assert.equal(status.environments[0]?.serving.deployment, pushed.deployment_id);
  });

  it("SIGTERM drains: running requests are answered, nothing is left", async (t) => {
    const host = await startTestHost(t);
    const project = await makeModelProject(t, "drained");
    await host.ok(["push", project.dir]);
    const slow = host.predict("drained", { sleep: 700, echo: "late" });
    await until(async () => /in_flight\{[^}]*\} 1/.test(await (await host.fetch("/metrics")).text()));
    const others = host.processes();
    await host.stop("SIGTERM");
    const answer = await slow;
    assert.equal(answer.status, 200);
    assert.equal(((await answer.json()) as { echo: string }).echo, "late");
    const { code } = await host.process().exited;
    assert.equal(code, 0);
    assert.deepEqual(others.filter(isAlive), []);
  });

  it("a replica that is killed, exits or hangs is replaced, and the others are not touched", async (t) => {
    const host = await startTestHost(t);
    const project = await makeModelProject(t, "healed", "autoscaling: {min_replicas: 2, max_replicas: 2}\n");
    await host.ok(["push", project.dir]);
    const ready = async (): Promise<number> =>
      (await host.ok<{ environments: { replicas: number }[] }>(["status", "healed"])).environments[0]
        ?.replicas ?? 0;
    await until(async () => (await ready()) === 2);
    const [victim, other] = host.models() as [number, number];
    process.kill(victim, "SIGKILL");
    await until(() => {
      const now = host.models();
      return now.length === 2 && !now.includes(victim) && now.includes(other);
    });
    await until(async () => (await host.predict("healed", {})).status === 200);
    const exit = await host.predict("healed", { exit: 3 });
    assert.equal(exit.status, 503);
    assert.equal(((await exit.json()) as { code: string }).code, "MODEL_CRASHED");
    await until(() => host.models().length === 2);
    assert.equal((await host.predict("healed", {})).status, 200);
  });

  it("strangers who upgrade to nowhere and hang up, or send targets that are none, end nothing", async (t) => {
    const host = await startTestHost(t);
    const { port } = new URL(host.url);
    for (let i = 0; i < 30; i++) {
      const socket = connect(Number(port), "127.0.0.1");
      socket.on("error", () => undefined);
      const target = ["/nowhere", "//", "*", "/models/x/production/websocket"][i % 4];
      socket.write(`GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`);
      await new Promise((resolve) => socket.once("connect", resolve));
      if (i % 2 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      socket.resetAndDestroy();
    }
    assert.equal((await host.fetch("/health/live", { key: "" })).status, 200);
  });

  it("refuses another address without a key, a data folder in use, and a folder that it cannot write to", async (t) => {
    const host = await startTestHost(t);
    const cwd = await tmpDir(t);
    const { PURLIN_API_KEY: _key, ...keyless } = host.env as Record<string, string>;
    const open = await execCli(t, ["host", "--host", "0.0.0.0", "--port", "0", "--data", join(cwd, "d")], {
      cwd,
      env: { ...keyless, PURLIN_HOME: join(cwd, "h") },
    });
    assert.equal(open.code, 1);
    assert.match(open.stderr, /PURLIN_API_KEY/);
    const second = await execCli(t, ["host", "--port", "0", "--data", host.dataDir], { cwd, env: host.env });
    assert.equal(second.code, 1);
    assert.match(second.stderr, new RegExp(`${host.pid}|already`));
    await mkdir(join(cwd, "file"), { recursive: true });
    const bad = await execCli(t, ["host", "--port", "0", "--data", "/proc/nothing/here"], {
      cwd,
      env: host.env,
    });
    assert.equal(bad.code, 1);
    assert.doesNotMatch(bad.stderr, /\bat .*\.(ts|js|mjs):\d+/, "no stack of ours");
  });

  it("without PURLIN_API_KEY a key is made, told once and left for the same user alone", async (t) => {
    const cwd = await tmpDir(t);
    const env = { PURLIN_HOME: join(cwd, "home") };
    const args = ["host", "--port", "0", "--data", join(cwd, "data")];
    const host = spawnCli(t, args, { cwd, env });
    await host.waitFor(/listening on (\S+)/);
    const told = /plk_[\w-]+/.exec(host.stdout() + host.stderr());
    assert.ok(told, host.stderr());
    const who = await execCli(t, ["whoami", "--json"], { cwd, env });
    assert.equal(who.code, 0, who.stderr);
    host.kill();
    await host.exited;
    assert.equal((await stat(join(cwd, "data"))).mode & 0o777, 0o700);
    const again = spawnCli(t, args, { cwd, env });
    await again.waitFor(/listening on (\S+)/);
    assert.doesNotMatch(again.stdout() + again.stderr(), /plk_/);
    assert.equal((await execCli(t, ["whoami", "--json"], { cwd, env })).code, 0);
    again.kill();
    await again.exited;
    const gone = await execCli(t, ["whoami"], { cwd, env });
    assert.equal(gone.code, 1);
    assert.match(gone.stderr, /purlin host/);
  });
});
