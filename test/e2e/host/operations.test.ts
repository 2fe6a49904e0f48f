import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { WebSocket } from "ws";
import { constantClients } from "../../helpers/constant-clients.ts";
import { makeModelProject } from "../../helpers/make-model-project.ts";
import { spawnCli } from "../../helpers/spawn-cli.ts";
import { startTestHost } from "../../helpers/test-host.ts";
import { until } from "../../helpers/until.ts";

const SECRET = "s3cr3t-value-that-nobody-sees";

describe("operations of a deployment server", () => {
  it("secrets: only those that the config names, rotated without a restart, shown nowhere", async (t) => {
    const host = await startTestHost(t);
    const project = await makeModelProject(t, "secretive", "secrets: {token: null}\n");
    const early = await host.cli(["push", project.dir]);
    if (early.code !== 0) assert.match(early.stderr, /token/, "the missing secret is named");
    await host.ok(["secrets", "set", "token"], { input: SECRET });
    await host.ok(["secrets", "set", "other"], { input: "not-for-this-model" });
    await host.ok(["push", project.dir]);
    const ask = async (secret: string): Promise<{ secret: string; pid: number; env: string | null }> =>
      (await (
        await host.predict("secretive", { secret, env: "PURLIN_API_KEY", log: `I say ${SECRET}` })
      ).json()) as never;
    const first = await ask("token");
    assert.equal(first.secret, SECRET);
    assert.equal(first.env, null, "the host's own environment stays with the host");
    assert.notEqual((await ask("other")).secret, "not-for-this-model");
    await host.ok(["secrets", "set", "token"], { input: "rotated-value" });
    await until(async () => (await ask("token")).secret === "rotated-value");
    assert.equal((await ask("token")).pid, first.pid);
    const seen = [
      (await host.cli(["logs", "secretive", "--json"])).stdout,
      (await host.cli(["secrets", "list", "--json"])).stdout,
      (await host.cli(["status", "secretive", "--json"])).stdout,
      host.process().stderr(),
      await readFile(join(host.dataDir, "state.db"), "latin1"),
      await readFile(join(host.dataDir, "state.db-wal"), "latin1").catch(() => ""),
    ].join("\n");
    assert.doesNotMatch(seen, new RegExp(SECRET));
    assert.match(seen, /I say/);
    await host.ok(["secrets", "rm", "other"]);
    assert.doesNotMatch((await host.cli(["secrets", "list"])).stdout, /other/);
  });

  it("keys: scopes and models hold, a revoked one is refused, and the audit log tells who did what", async (t) => {
    const host = await startTestHost(t);
    const project = await makeModelProject(t, "guarded");
    await host.ok(["push", project.dir]);
    const invoke = await host.ok<{ id: string; key: string }>([
      "keys",
      "create",
      "caller",
      "--scope",
      "invoke",
    ]);
    const call = (key: string, path = "/models/guarded/production/predict"): Promise<Response> =>
      host.fetch(path, { method: "POST", body: "{}", key });
    assert.equal((await call(invoke.key)).status, 200);
    assert.equal((await call("")).status, 401);
    assert.equal((await call("plk_wrong")).status, 401);
    const refused = await host.fetch("/v1/models/guarded/rollback", {
      method: "POST",
      body: '{"environment":"production"}',
      key: invoke.key,
    });
    assert.equal(refused.status, 403);
    const body = (await refused.json()) as Record<string, unknown>;
    assert.equal(body["code"], "FORBIDDEN");
    assert.ok(body["request_id"]);
    await host.ok(["keys", "revoke", invoke.id]);
    assert.equal((await call(invoke.key)).status, 401);
    assert.equal((await host.fetch("/health/live", { key: "" })).status, 200);
    assert.equal((await host.fetch("/health/ready", { key: "" })).status, 200);
    const audit = await (await host.fetch("/v1/audit")).text();
    assert.match(audit, /keys?[.:_-]?create/i);
    assert.match(audit, /403/);
    assert.doesNotMatch(audit, new RegExp(invoke.key));
  });

  it("a rollout takes its share and is taken back by itself when it is worse", async (t) => {
    const host = await startTestHost(t);
    const project = await makeModelProject(t, "rolled");
    await host.ok(["push", project.dir]);
    await project.version(2);
    await host.ok(["push", project.dir, "--rollout", "30"]);
    const versions = await Promise.all(
      Array.from(
        { length: 100 },
        async () => ((await (await host.predict("rolled", {})).json()) as { version: number }).version,
      ),
    );
    const share = versions.filter((version) => version === 2).length;
    assert.ok(share >= 25 && share <= 35, `${share} of 100`);
    await host.ok(["rollout", "finish", "rolled"]);
    await until(
      async () => ((await (await host.predict("rolled", {})).json()) as { version: number }).version === 2,
    );

    await project.write("model/model.ts", 'export class Model { predict() { throw new Error("worse"); } }\n');
    await host.ok(["push", project.dir, "--rollout", "50"]);
    const clients = constantClients(() => host.predict("rolled", {}), { count: 4, pauseMs: 1 });
    const status = await until(
      async () => {
        const now = await host.ok<Record<string, unknown>>(["rollout", "status", "rolled"]);
        return /abort/i.test(JSON.stringify(now)) && now;
      },
      { timeout: 30_000, interval: 250 },
    );
    assert.match(JSON.stringify(status), /error/i);
    await clients.stop();
    const after = await Promise.all(Array.from({ length: 20 }, () => host.predict("rolled", {})));
    assert.deepEqual([...new Set(after.map(({ status: code }) => code))], [200]);
  });

  it("scales to zero and back: the first request waits, succeeds, and is not lost", async (t) => {
    const host = await startTestHost(t);
    const config = "autoscaling: {min_replicas: 0, max_replicas: 2, scale_down_delay_seconds: 1}\n";
    const project = await makeModelProject(t, "sleeper", config);
    await host.ok(["push", project.dir]);
    const state = async (): Promise<{ state: string; replicas: number }> =>
      (await host.ok<{ environments: { state: string; replicas: number }[] }>(["status", "sleeper"]))
        .environments[0] as never;
    await until(async () => (await state()).state === "SCALED_TO_ZERO", { timeout: 60_000, interval: 250 });
    const answers = await Promise.all(Array.from({ length: 5 }, () => host.predict("sleeper", { echo: 1 })));
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 200, 200, 200, 200],
    );
    assert.ok((await state()).replicas >= 1);
  });

  it("scales out under load, answers all of it, and back in when the load has gone", async (t) => {
    const host = await startTestHost(t);
    const config =
      "autoscaling: {min_replicas: 1, max_replicas: 3, concurrency_target: 2, window_seconds: 2, scale_down_delay_seconds: 3}\n";
    const project = await makeModelProject(t, "elastic", config);
    await host.ok(["push", project.dir]);
    const wanted = async (): Promise<number> => {
      const status = await (await host.fetch("/v1/models/elastic")).json();
      return (status as { environments: { replicas: number }[] }).environments[0]?.replicas ?? 0;
    };
    assert.equal(await wanted(), 1);
    const clients = constantClients(() => host.predict("elastic", { sleep: 50 }), { count: 8 });
    await until(async () => (await wanted()) === 3, { timeout: 30_000 });
    const { failures } = await clients.stop();
    assert.deepEqual(failures, []);
    await until(async () => (await wanted()) === 1, { timeout: 30_000 });
    assert.equal((await host.predict("elastic", {})).status, 200);
  });

  it("backup while serving, and garbage collection on request", async (t) => {
    const host = await startTestHost(t);
    const project = await makeModelProject(t, "backed-up");
    await host.ok(["push", project.dir]);
    const file = join(project.dir, "..", "copy.db");
    await host.ok(["host", "backup", file]);
    assert.ok((await readFile(file)).length > 0);
    const twice = await host.cli(["host", "backup", file]);
    assert.equal(twice.code, 1, "a file that is there is not written over");
    const would = await host.ok<{ blobs: number }>(["host", "gc", "--dry-run"]);
    assert.equal(would.blobs, 0, "what serves is no garbage");
    await host.ok(["host", "gc"]);
    assert.equal((await host.predict("backed-up", {})).status, 200);
  });

  it("logs --tail shows lines as they are said and goes on after the host was away", async (t) => {
    const host = await startTestHost(t);
    const project = await makeModelProject(t, "talker");
    await host.ok(["push", project.dir]);
    const tail = spawnCli(t, ["logs", "talker", "--tail"], {
      cwd: project.dir,
      env: { ...host.env, PURLIN_API_URL: host.url },
    });
    await until(async () => {
      await host.predict("talker", { log: "line one" });
      return tail.stdout().includes("line one");
    });
    tail.kill("SIGINT");
    assert.equal((await tail.exited).code, 130);
  });

  it("streams and WebSockets pass through, chat routes go to the model that is named", async (t) => {
    const host = await startTestHost(t);
    const project = await makeModelProject(t, "piped");
    await project.write(
      "model/model.ts",
      `export class Model {
        async *chatCompletions(input: any) { for (const word of ["a", "b", "c"]) yield word; }
        predict() { return "x"; }
      }`,
    );
    await host.ok(["push", project.dir]);
    const talker = await makeModelProject(t, "talking");
    await talker.write("config.yaml", "model_name: talking\nruntime: {transport: {kind: websocket}}\n");
    await talker.write(
      "model/model.ts",
      `export class Model {
        async websocket(socket: any) { for await (const message of socket) await socket.send("heard " + message); }
      }`,
    );
    await host.ok(["push", talker.dir]);
    const chat = await host.fetch("/v1/chat/completions", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: "piped", messages: [{ role: "user", content: "hi" }] }),
    });
    assert.equal(chat.status, 200);
    assert.equal((await chat.text()).replaceAll(/[^abc]/g, "").includes("abc"), true);
    const socket = new WebSocket(
      `${host.url.replace("http", "ws")}/models/talking/environments/production/sync/v1/websocket`,
      {
        headers: { authorization: `Bearer ${host.key}` },
      },
    );
    const heard = await new Promise<string>((resolve, reject) => {
      socket.on("open", () => socket.send("you"));
      socket.on("message", (data) => resolve(String(data)));
      socket.on("error", reject);
    });
    assert.equal(heard, "heard you");
    socket.close();
  });
});
