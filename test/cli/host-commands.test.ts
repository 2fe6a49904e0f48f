import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import type { EnvironmentInfo } from "../../src/protocol/host-api.ts";
import { httpServer } from "../helpers/http-server.ts";
import { runCli, type RunCliOptions } from "../helpers/run-cli.ts";
import { tmpDir } from "../helpers/tmp-dir.ts";

const AT = "2026-01-02T03:04:05.678Z";

const PRODUCTION: EnvironmentInfo = {
  name: "production",
  desired: { deployment: "dep_0123456789abcdef", package: "sha256:b" },
  serving: { deployment: "dep_fedcba9876543210", package: "sha256:a" },
  state: "DEPLOYING",
  rollout: null,
  replicas: 10,
  replicas_wanted: 10,
  replica_list: [
    {
      id: "rep_0123456789abcdef",
      deployment: "dep_fedcba9876543210",
      state: "ready",
      package: "sha256:a",
      in_flight: 0,
      restarts: 12,
      place: "process 1",
      rss_bytes: 123_456_789,
      since: AT,
    },
  ],
  in_flight: 10,
  queued: 10,
  requests_per_second: 10.04,
  error_rate: 0.105,
  p99_ms: 123.4,
  last_error: { stage: "loading", code: "LOAD_FAILED", message: "no weights" },
  updated_at: AT,
};

const ANSWERS: Record<string, unknown> = {
  "/v1/models": {
    models: [
      {
        model: "counter",
        environments: [{ name: "production", state: "ACTIVE", deployment: "dep_0123456789abcdef" }],
        created_at: AT,
      },
      { model: "empty", environments: [], created_at: AT },
    ],
  },
  "/v1/models/counter": { model: "counter", environments: [PRODUCTION] },
  "/v1/models/empty": { model: "empty", environments: [] },
  "/v1/secrets": { secrets: [{ name: "token", updated_at: AT, used_by: ["counter"] }] },
  "/v1/whoami": {
    key: { id: "key_1", name: "ci", scope: "deploy", models: ["counter"] },
    host: { version: "1.2.3", target: "linux-x64" },
  },
};

/** The command line of a user whose host is a server that answers with ANSWERS. */
async function userOf(t: TestContext) {
  const asked: string[] = [];
  const home = await tmpDir(t);
  const { url } = await httpServer(t, (request, response) => {
    asked.push(`${request.method} ${request.url}`);
    const answer = ANSWERS[request.url ?? ""];
    response
      .writeHead(answer === undefined ? 404 : 200, { "content-type": "application/json" })
      .end(
        JSON.stringify(answer ?? { error: "There is no such thing.", code: "NOT_FOUND", request_id: "r" }),
      );
  });
  const env = { PURLIN_HOME: home, PURLIN_API_URL: url, PURLIN_API_KEY: "plk_of-the-user" };
  const cli = (argv: string[], options: RunCliOptions = {}) => runCli(argv, { cwd: home, env, ...options });
  return { cli, asked, home, url, env };
}

describe("commands of a deployment server", () => {
  it("print tables that fit 80 columns, without colours where there is no terminal", async (t) => {
    const { cli } = await userOf(t);
    for (const argv of [["list"], ["status"], ["status", "counter"], ["secrets", "list"], ["whoami"]]) {
      const { code, stdout, stderr } = await cli(argv);
      assert.deepEqual([code, stderr], [0, ""], argv.join(" "));
      for (const row of stdout.split("\n")) assert.ok(row.length <= 80, `${row.length}: ${row}`);
      // oxlint-disable-next-line no-control-regex -- this is what must not be there
      assert.doesNotMatch(stdout, /\u001b/);
    }
  });

  it("status tells desired, serving, replicas and the error, and answers the host's own JSON", async (t) => {
    const { cli } = await userOf(t);
    const { stdout } = await cli(["status", "counter"]);
    for (const part of ["DEPLOYING", "dep_fedcba", "wanted: dep_0123", "10 of 10 replicas", "12 restarts"]) {
      assert.ok(stdout.includes(part), `${part} in ${stdout}`);
    }
    assert.match(stdout, /error no weights/);
    assert.deepEqual((await cli(["status", "counter", "--json"])).json(), ANSWERS["/v1/models/counter"]);
    const all = (await cli(["status", "--json"])).json() as { models: unknown[] };
    assert.equal(all.models.length, 2);
  });

  it("what the host refuses is one JSON object with code and hint, and exit code 1", async (t) => {
    const { cli } = await userOf(t);
    const { code, json } = await cli(["status", "nobody", "--json"]);
    assert.equal(code, 1);
    const { error } = json() as { error: Record<string, unknown> };
    assert.deepEqual([error["code"], error["message"]], ["NOT_ON_HOST", "There is no such thing."]);
    assert.ok("hint" in error);
  });

  for (const argv of [
    ["delete", "counter", "--environment", "qa", "--deployment", "dep_1", "--yes"],
    ["delete"],
    ["promote", "counter", "--from", "qa"],
    ["promote", "counter", "--to", "qa"],
    ["promote", "counter", "--to", "qa", "--from", "a", "--deployment", "dep_1"],
    ["push", "--rollout", "0"],
    ["push", "--rollout", "100"],
    ["push", "--timeout", "soon"],
    ["logs"],
    ["logs", "counter", "--level", "loud"],
    ["logs", "counter", "--since", "once"],
    ["keys", "create"],
    ["keys", "create", "ci", "--scope", "root"],
    ["secrets", "set"],
    ["secrets", "set", "token", "value-on-the-command-line"],
    ["rollout", "restart", "counter"],
    ["remote", "add", "team"],
    ["host", "--port", "70000"],
    ["host", "--engine", "cloud"],
    ["host", "--tls-cert", "cert.pem"],
    ["predict", "-d", "{}"],
  ]) {
    it(`purlin ${argv.join(" ")} is wrong usage: exit code 2, and nothing is asked of the host`, async (t) => {
      const { cli, asked } = await userOf(t);
      const { code, json } = await cli([...argv, "--json"]);
      assert.equal(code, 2);
      assert.equal((json() as { error: { code: string } }).error.code, "USAGE");
      assert.deepEqual(asked, []);
    });
  }

  it("delete without a terminal names --yes and deletes nothing", async (t) => {
    const { cli, asked } = await userOf(t);
    const { code, stderr } = await cli(["delete", "counter"]);
    assert.equal(code, 1);
    assert.match(stderr, /--yes/);
    assert.deepEqual(asked, []);
  });

  it("a secret without a value is refused, and its value is never printed", async (t) => {
    const { cli, asked } = await userOf(t);
    assert.equal((await cli(["secrets", "set", "token"])).code, 2);
    assert.deepEqual(asked, []);
    const failed = await cli(["secrets", "set", "token", "--json"], { input: "canary-value\n" });
    assert.equal(failed.code, 1);
    assert.doesNotMatch(failed.stdout + failed.stderr, /canary-value/);
  });

  it("a remote keeps its key from stdin and shows it nowhere; one that is unknown is an error", async (t) => {
    const { cli, url, env } = await userOf(t);
    const own = { env: { PURLIN_HOME: env.PURLIN_HOME } };
    const added = await cli(["remote", "add", "team", url, "--api-key-stdin"], {
      ...own,
      input: "plk_canary\n",
    });
    const listed = await cli(["remote", "list", "--json"], own);
    assert.deepEqual([added.code, listed.code], [0, 0]);
    assert.doesNotMatch(added.stdout + added.stderr + listed.stdout, /plk_canary/);
    assert.deepEqual(listed.json(), { remotes: [{ name: "team", url, has_key: true, in_use: true }] });
    assert.equal((await cli(["whoami"], own)).code, 0);
    const unknown = await cli(["remote", "use", "constructor", "--json"], own);
    assert.equal(unknown.code, 1);
    assert.match(unknown.stdout, /NO_REMOTE/);
  });

  it("no key of a user is printed, with or without the line feed of its file", async (t) => {
    const { cli, env } = await userOf(t);
    const given = {
      env: { ...env, PURLIN_API_KEY: "plk_canary\n", PURLIN_API_URL: "http://x/plk_canary y" },
    };
    const { code, stdout, stderr } = await cli(["whoami", "--json"], given);
    assert.notEqual(code, 0);
    assert.doesNotMatch(stdout + stderr, /plk_canary/);
  });

  it("host refuses to be reached by others without a key", async (t) => {
    const home = await tmpDir(t);
    const env = { PURLIN_HOME: home };
    for (const host of ["0.0.0.0", "::", "127.0.0.1.example"]) {
      const { code, stdout } = await runCli(["host", "--host", host, "--port", "0", "--json"], {
        cwd: home,
        env,
      });
      assert.equal(code, 1, host);
      assert.match(stdout, /HOST_INVALID.*PURLIN_API_KEY/);
    }
  });

  it("host --verify of a folder that is none of a host says so, and makes nothing", async (t) => {
    const home = await tmpDir(t);
    const argv = ["host", "--verify", "--data", "misspelt", "--json"];
    const { code, stdout } = await runCli(argv, { cwd: home, env: { PURLIN_HOME: home } });
    assert.equal(code, 1);
    assert.match(stdout, /HOST_DATA/);
    assert.equal(existsSync(join(home, "misspelt")), false);
  });
});
