import assert from "node:assert/strict";
import { stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, it } from "node:test";
import { makeModelProject } from "../../helpers/make-model-project.ts";
import { execCli } from "../../helpers/spawn-cli.ts";
import { startTestHost } from "../../helpers/test-host.ts";
import { tmpDir } from "../../helpers/tmp-dir.ts";

describe("remotes", () => {
  it("are added with a key from stdin, kept for one user alone, chosen by name, and win or lose as they should", async (t) => {
    const host = await startTestHost(t);
    const cwd = await tmpDir(t);
    const env = { PURLIN_HOME: join(cwd, "home") };
    const run = (args: string[], more: Record<string, string> = {}, input = "") =>
      execCli(t, args, { cwd, env: { ...env, ...more }, input });
    const none = await run(["status", "--json"]);
    assert.equal(none.code, 1);
    assert.match(none.stdout, /NO_REMOTE/);
    const added = await run(
      ["remote", "add", "team", `${host.url}/`, "--api-key-stdin"],
      {},
      `${host.key}\n`,
    );
    assert.equal(added.code, 0, added.stderr);
    assert.equal((await stat(join(cwd, "home/remotes.json"))).mode & 0o777, 0o600);
    assert.equal((await run(["whoami"])).code, 0);
    await run(["remote", "add", "other", "http://127.0.0.1:9"]);
    assert.equal((await run(["whoami"])).code, 0, "the first one stays in use");
    assert.equal((await run(["remote", "use", "other"])).code, 0);
    const began = performance.now();
    const away = await run(["whoami", "--json"]);
    assert.equal(away.code, 1);
    assert.match(away.stdout, /HOST_UNREACHABLE/);
    assert.ok(performance.now() - began < 5000, "who was never there is not waited for");
    assert.equal((await run(["whoami", "--remote", "team"])).code, 0);
    const typo = await run(["whoami", "--remote", "taem"]);
    assert.match(typo.stderr, /Did you mean team/);
    assert.equal((await run(["whoami"], { PURLIN_API_URL: host.url, PURLIN_API_KEY: host.key })).code, 0);
    const wrong = await run(["whoami", "--json"], { PURLIN_API_URL: host.url, PURLIN_API_KEY: "plk_wrong" });
    assert.equal(wrong.code, 1);
    assert.match(wrong.stdout, /NOT_SIGNED_IN/);
    const list = await run(["remote", "list"]);
    assert.match(list.stdout, /team/);
    assert.doesNotMatch(list.stdout + added.stdout + added.stderr, new RegExp(host.key));
    assert.equal((await run(["remote", "add", "bad", "ftp://x"])).code, 2);
  });

  it("what listens there and is no host is told, with an exit code for scripts", async (t) => {
    const cwd = await tmpDir(t);
    const server = createServer((socket) =>
      socket.end("HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno"),
    );
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    t.after(() => void server.close());
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const answer = await execCli(t, ["list"], { cwd, env: { PURLIN_HOME: cwd, PURLIN_API_URL: url } });
    assert.equal(answer.code, 1);
    assert.match(answer.stderr, /Is http.* a deployment server of Purlin/);
  });
});

describe("push for CI", () => {
  it("sets secrets from a file first, can return at once, and says what would be asked without a terminal", async (t) => {
    const host = await startTestHost(t);
    const project = await makeModelProject(t, "ci-model", "secrets: {token: null, second: null}\n");
    const file = join(project.dir, "..", "secrets.env");
    await writeFile(file, "# for the model\nexport token='from the file'\nsecond=\"2\"\n");
    await host.ok(["push", project.dir, "--secrets-from", file]);
    const answer = (await (await host.predict("ci-model", { secret: "token" })).json()) as { secret: string };
    assert.equal(answer.secret, "from the file");
    await project.version(2);
    const quick = await host.ok<{ state: string; deployment_id: string }>(["push", project.dir, "--no-wait"]);
    assert.match(quick.deployment_id, /^dep_/);
    const refused = await host.cli(["delete", "ci-model", "--json"]);
    assert.equal(refused.code, 1);
    assert.match(refused.stdout, /NOT_A_TTY.*--yes|--yes/s);
    await writeFile(file, "this line is none");
    const bad = await host.cli(["push", project.dir, "--secrets-from", file]);
    assert.equal(bad.code, 2);
    assert.match(bad.stderr, /Line 1/);
    assert.doesNotMatch(bad.stderr, /this line is none/);
    assert.equal((await host.cli(["push", project.dir, "--rollout", "200"])).code, 2);
    assert.equal((await host.cli(["promote", "ci-model", "--to", "x"])).code, 2);
    assert.equal((await host.cli(["logs"])).code, 2);
    assert.equal((await host.cli(["status", "nobody"])).code, 1);
  });
});
