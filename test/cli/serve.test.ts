import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { execCli, PURLIN_BIN, type SpawnedCli, spawnCli } from "../helpers/spawn-cli.ts";
import { isAlive } from "../helpers/is-alive.ts";
import { tmpDir } from "../helpers/tmp-dir.ts";
import { until } from "../helpers/until.ts";

const MODEL = `export class Model {
  predict(input) {
    if (input?.pid) return [process.pid, process.ppid];
    return input;
  }
}
`;

async function project(t: TestContext, model = MODEL): Promise<string> {
  const dir = await tmpDir(t);
  await mkdir(join(dir, "model"));
  await writeFile(join(dir, "config.yaml"), "model_name: served\nruntime: { load_retries: 0 }\n");
  await writeFile(join(dir, "model/model.ts"), model);
  return dir;
}

async function served(t: TestContext, args: string[] = []): Promise<{ cli: SpawnedCli; url: string }> {
  const cli = spawnCli(t, ["serve", "--port", "0", ...args], { cwd: await project(t) });
  const [, url = ""] = await cli.waitFor(/^listening on (http:\/\/127\.0\.0\.1:\d+)$/m);
  await cli.waitFor(/^ready$/m);
  return { cli, url };
}

async function ask(url: string, input: unknown): Promise<unknown> {
  const response = await fetch(`${url}/predict`, { method: "POST", body: JSON.stringify(input) });
  return response.json();
}

describe("purlin serve", () => {
  for (const [signal, code] of [
    ["SIGTERM", 0],
    ["SIGINT", 130],
    ["SIGHUP", 129],
  ] as const) {
    it(`ends with ${code} on ${signal}, and nothing is left running`, async (t) => {
      const { cli, url } = await served(t);
      const pids = (await ask(url, { pid: true })) as number[];
      cli.kill(signal);
      assert.deepEqual(await cli.exited, { code, signal: null }, cli.stderr());
      assert.equal(pids.some(isAlive), false);
      await assert.rejects(ask(url, 1));
    });
  }

  it("killed with -9, leaves no process and no port behind", async (t) => {
    const { cli, url } = await served(t);
    const pids = (await ask(url, { pid: true })) as number[];
    cli.kill("SIGKILL");
    await cli.exited;
    await until(() => !pids.some(isAlive), { timeout: 2000, what: "its processes to end" });
    await assert.rejects(ask(url, 1));
  });

  it("prints the same plain lines in every log format, and only these on stdout", async (t) => {
    for (const format of ["json", "pretty"]) {
      const { cli, url } = await served(t, ["--log-format", format]);
      await ask(url, 1);
      await until(() => /POST \/predict/.test(cli.stderr()));
      cli.kill();
      await cli.exited;
      assert.equal(cli.stdout(), `listening on ${url}\nready\n`);
    }
  });

  it("with --json, its news are NDJSON on stdout", async (t) => {
    const cli = spawnCli(t, ["serve", "--port", "0", "--json"], { cwd: await project(t) });
    await until(() => cli.stdout().includes('"ready"'));
    cli.kill();
    await cli.exited;
    const events = cli
      .stdout()
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    const listening = events.find(({ type }) => type === "listening");
    assert.match(String(listening?.["url"]), /^http:\/\/127\.0\.0\.1:\d+$/);
    assert.match(String(events.find(({ type }) => type === "ready")?.["digest"]), /^sha256:/);
  });

  it("goes on when the reader of its address has gone", async (t) => {
    const dir = await project(t);
    const cli = spawnCli(t, ["-c", `"$0" "$1" serve --port 0 | head -1 >&2`, process.execPath, PURLIN_BIN], {
      cwd: dir,
      command: ["/bin/sh"],
    });
    const [, url = ""] = await cli.waitFor(/^listening on (http\S+)$/m, { stream: "stderr" });
    const pids = await until(async () => {
      const answer = await ask(url, { pid: true });
      return Array.isArray(answer) ? (answer as number[]) : null;
    });
    process.kill(pids[1] as number, "SIGTERM");
    await cli.exited;
    assert.equal(pids.some(isAlive), false);
  });

  it("a port that is taken is one clear line and exit code 1, in JSON too", async (t) => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
    t.after(() => taken.close());
    const { port } = taken.address() as { port: number };
    const cwd = await project(t);
    const text = await execCli(t, ["serve", "--port", String(port), "--quiet"], { cwd });
    assert.equal(text.code, 1);
    assert.match(text.stderr, new RegExp(`error .*${port}.*\\n.*--port 0`));
    assert.doesNotMatch(text.stderr, /\n\s+at /);
    const json = await execCli(t, ["serve", "--port", String(port), "--json"], { cwd });
    const last = json.stdout.trim().split("\n").at(-1) ?? "";
    assert.equal((JSON.parse(last) as { error: { code: string } }).error.code, "PORT_IN_USE");
  });

  it("a host that cannot be listened on is one clear line", async (t) => {
    const run = await execCli(t, ["serve", "--port", "0", "--host", "192.0.2.1"], { cwd: await project(t) });
    assert.equal(run.code, 1);
    assert.match(run.stderr, /error .*192\.0\.2\.1/);
  });

  it("PORT and HOST in the environment are the defaults", async (t) => {
    const cli = spawnCli(t, ["serve"], { cwd: await project(t), env: { PORT: "0", HOST: "127.0.0.1" } });
    await cli.waitFor(/^listening on http:\/\/127\.0\.0\.1:(?!8080$)\d+$/m);
  });

  it("a model that does not load ends it with 1, the model's message and its place", async (t) => {
    const dir = await project(
      t,
      `export class Model {\n  load() {\n    throw new Error("no weights");\n  }\n  predict() {}\n}\n`,
    );
    const run = await execCli(t, ["serve", "--port", "0"], { cwd: dir });
    assert.equal(run.code, 1);
    assert.match(run.stderr, /no weights[\s\S]*model\/model\.ts:3:11/);
    assert.match(run.stdout, /^listening on /);
    assert.doesNotMatch(run.stdout, /ready/);
  });

  it("a folder that is none, or holds no project, is named", async (t) => {
    const cwd = await tmpDir(t);
    const none = await execCli(t, ["serve", "nowhere"], { cwd });
    assert.match(none.stderr, /nowhere/);
    const empty = await execCli(t, ["serve"], { cwd });
    assert.equal(empty.code, 1);
    assert.match(empty.stderr, /config\.yaml/);
  });
});
