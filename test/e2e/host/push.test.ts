import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { constantClients } from "../../helpers/constant-clients.ts";
import { makeModelProject } from "../../helpers/make-model-project.ts";
import { startTestHost } from "../../helpers/test-host.ts";
import { until } from "../../helpers/until.ts";

interface Pushed {
  model: string;
  environment: string;
  deployment_id: string;
  package: string;
  uploaded_bytes: number;
  uploaded_files: number;
  state: string;
  url: string;
  duration_ms: number;
}

describe("push", () => {
  it("brings a model live, sends nothing twice, and is seen in list, status, logs and whoami", async (t) => {
    const host = await startTestHost(t);
    const project = await makeModelProject(t, "pushed");
    const first = await host.ok<Pushed>(["push", project.dir]);
    assert.equal(first.model, "pushed");
    assert.equal(first.environment, "production");
    assert.equal(first.state, "ACTIVE");
    assert.match(first.package, /^sha256:[0-9a-f]{64}$/);
    assert.ok(first.uploaded_bytes > 0 && first.uploaded_files > 0);
    const answer = await host.predict("pushed", { echo: "ü", log: "said by the model" });
    assert.equal(answer.status, 200);
    assert.deepEqual(
      { ...((await answer.json()) as object), pid: 0 },
      {
        version: 1,
        echo: "ü",
        pid: 0,
        environment: "production",
      },
    );
    const called = await fetch(`${first.url}/predict`, {
      method: "POST",
      body: "{}",
      headers: { authorization: `Bearer ${host.key}` },
    });
    assert.equal(called.status, 200, `the url that push answers: ${first.url}`);

    const second = await host.ok<Pushed>(["push", project.dir]);
    assert.deepEqual([second.uploaded_bytes, second.uploaded_files], [0, 0]);
    assert.equal(second.package, first.package);

    const list = await host.ok<{ model: string }[] | { models: { model: string }[] }>(["list"]);
    assert.match(JSON.stringify(list), /"pushed"/);
    const status = await host.ok<{ model: string; environments: Record<string, unknown>[] }>([
      "status",
      "pushed",
    ]);
    const [production] = status.environments;
    assert.equal(production?.["name"], "production");
    assert.equal(production?.["state"], "ACTIVE");
    assert.equal(production?.["replicas"], 1);
    assert.equal((production?.["serving"] as { package: string } | undefined)?.package, first.package);
    const logs = await host.cli(["logs", "pushed"]);
    assert.match(logs.stdout, /said by the model/);
    const who = await host.ok<{ key: { scope: string } }>(["whoami"]);
    assert.match(JSON.stringify(who), /"admin"/);
    const byCli = await host.cli(["predict", "pushed", "-d", '{"echo":[1,2]}']);
    assert.equal(byCli.code, 0, byCli.stderr);
    assert.match(byCli.stdout, /"echo":\s*\[1,\s*2\]/);
  });

  it("an edit is live after a push, and no request fails meanwhile; rollback brings the old answer back", async (t) => {
    const host = await startTestHost(t);
    const project = await makeModelProject(t, "edited");
    await host.ok(["push", project.dir]);
    const clients = constantClients(() => host.predict("edited", {}));
    for (const version of [2, 3, 4]) {
      await project.version(version);
      const pushed = await host.ok<Pushed>(["push", project.dir, "--message", `version ${version}`]);
      assert.equal(pushed.state, "ACTIVE");
      const { version: answered } = (await (await host.predict("edited", {})).json()) as { version: number };
      assert.equal(answered, version);
    }
    const back = await host.ok<{ state: string }>(["rollback", "edited"]);
    assert.equal(back.state, "ACTIVE");
    assert.deepEqual(Object.keys(back).toSorted(), [
      "activated_at",
      "created_at",
      "created_by",
      "ended_at",
      "environment",
      "error",
      "id",
      "message",
      "model",
      "package",
      "path",
      "state",
    ]);
    assert.equal(((await (await host.predict("edited", {})).json()) as { version: number }).version, 3);
    const { asked, failures } = await clients.stop();
    assert.deepEqual(failures, []);
    assert.ok(asked > 20, `${asked} requests`);
  });

  it("a model that cannot be loaded changes nothing for callers, says its own error and ends with 1", async (t) => {
    const host = await startTestHost(t);
    const project = await makeModelProject(t, "broken");
    await host.ok(["push", project.dir]);
    await project.version(2, { load: 'throw new Error("the weights are not where they were");' });
    const human = await host.cli(["push", project.dir]);
    assert.equal(human.code, 1);
    assert.match(human.stderr, /the weights are not where they were/);
    assert.match(human.stderr, /model\/model\.ts/, "where it was thrown");
    const json = await host.cli(["push", project.dir, "--json"]);
    assert.equal(json.code, 1);
    const { error } = json.json<{ error: { code: string; message: string } }>();
    assert.equal(error.code, "DEPLOY_FAILED");
    assert.match(JSON.stringify(error), /the weights are not where they were/);
    assert.equal(((await (await host.predict("broken", {})).json()) as { version: number }).version, 1);
    const status = await host.ok<{ environments: { state: string; last_error: unknown }[] }>([
      "status",
      "broken",
    ]);
    assert.match(JSON.stringify(status.environments[0]?.last_error), /weights are not where/);
    await project.version(3);
    await host.ok(["push", project.dir]);
    assert.equal(((await (await host.predict("broken", {})).json()) as { version: number }).version, 3);
  });

  it("two pushes at once: both are told the truth, and one of them serves", async (t) => {
    const host = await startTestHost(t);
    const [one, two] = await Promise.all([makeModelProject(t, "raced"), makeModelProject(t, "raced")]);
    await host.ok(["push", one.dir]);
    await one.version("one");
    await two.version("two");
    const results = await Promise.all([one, two].map(({ dir }) => host.cli(["push", dir, "--json"])));
    const good = results.filter(({ code }) => code === 0);
    assert.ok(good.length >= 1, results.map(({ stdout, stderr }) => stdout + stderr).join("\n"));
    const { version } = (await (await host.predict("raced", {})).json()) as { version: string };
    assert.ok(["one", "two"].includes(version));
    for (const { code, stdout } of results) {
      if (code !== 0) assert.match(stdout, /PUSH_CONFLICT|REF_CONFLICT|DEPLOY_FAILED/);
    }
  });

  it("--dry-run sends nothing, an archive is pushed as it is, and the digest is the one of build", async (t) => {
    const host = await startTestHost(t);
    const project = await makeModelProject(t, "archived");
    const dry = await host.ok<{ uploaded_bytes?: number }>(["push", project.dir, "--dry-run"]);
    assert.match(JSON.stringify(dry), /archived/);
    const none = await host.cli(["status", "archived", "--json"]);
    assert.equal(none.code, 1, "nothing is there after a dry run");
    const archive = `${project.dir}.tgz`;
    const built = await host.ok<{ package: string }>(["build", project.dir, "--archive", archive]);
    const pushed = await host.ok<Pushed>(["push", archive]);
    assert.equal(pushed.package, built.package);
    assert.equal((await host.predict("archived", {})).status, 200);
  });

  it("environments are apart; promote moves no bytes, and a first push needs nothing there", async (t) => {
    const host = await startTestHost(t);
    const project = await makeModelProject(t, "staged");
    await host.ok(["push", project.dir, "--environment", "staging"]);
    const none = await host.predict("staged", {});
    assert.equal(none.status, 503);
    assert.equal(((await none.json()) as { code: string }).code, "NO_DEPLOYMENT");
    const staged = await host.predict("staged", {}, "environments/staging/predict");
    assert.equal(((await staged.json()) as { environment: string }).environment, "staging");
    await host.ok(["promote", "staged", "--from", "staging", "--to", "production"]);
    const answer = await host.predict("staged", {});
    assert.equal(((await answer.json()) as { environment: string }).environment, "production");
    await host.ok(["delete", "staged", "--environment", "staging", "--yes"]);
    await until(async () => (await host.predict("staged", {}, "environments/staging/predict")).status >= 400);
    assert.equal((await host.predict("staged", {})).status, 200);
  });
});
