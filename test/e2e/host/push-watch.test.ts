// Spec deployment.md, "Development deployments"; reference/transfer.md T22 to T26.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { constantClients } from "../../helpers/constant-clients.ts";
import { isAlive } from "../../helpers/is-alive.ts";
import { makeModelProject, type ModelProject } from "../../helpers/make-model-project.ts";
import { PURLIN_BIN, spawnCli } from "../../helpers/spawn-cli.ts";
import { startTestHost } from "../../helpers/test-host.ts";
import { until } from "../../helpers/until.ts";
import { watchProject } from "../../helpers/watched-project.ts";

/** `loaded` tells whether the answer comes from the instance that was loaded first. */
const source = (answer: string, load = "this.loaded = Math.random();"): string => `
import { note } from "./note.ts";
import { readFileSync } from "node:fs";
export class Model {
  loaded = 0; config: any; dataDir: string; words = "";
  constructor({ config, dataDir }: any) { this.config = config; this.dataDir = dataDir; }
  async load() { ${load} this.words = readFileSync(this.dataDir + "/words.txt", "utf8"); }
  predict() { return { answer: ${answer}, note: note(), loaded: this.loaded, words: this.words, described: this.config.description }; }
}
`;
const note = (text: string): string => `export function note(): string {\n  return "${text}";\n}\n`;

async function write(project: ModelProject): Promise<void> {
  await project.write("model/model.ts", source("1"));
  await project.write("model/note.ts", note("first"));
  await project.write("data/words.txt", "one");
}

async function start(t: TestContext, name: string, args: string[] = []) {
  const host = await startTestHost(t, { args });
  const watched = await watchProject(t, host, name, write);
  await watched.told("live");
  return { host, ...watched };
}

/** `script` of util-linux lends a terminal. */
const hasTerminal =
  process.platform === "linux" && spawnSync("script", ["-qfec", "true", "/dev/null"]).status === 0;
const noTerminal = hasTerminal ? false : "no program here that lends a terminal";

describe("push --watch", () => {
  it("each save is live in the cheapest correct way, which is told with its digest; the server says the same", async (t) => {
    const { ask, save, told, state, events, project } = await start(t, "followed");
    const first = await ask();
    assert.equal(first["answer"], 1);

    await save("model/model.ts", source("2"));
    const methods = await told("reloaded", 2);
    assert.equal(methods["kind"], "methods");
    assert.deepEqual(methods["files"], ["model/model.ts"]);
    assert.equal(methods["replicas"], 1);
    const second = await ask();
    assert.deepEqual([second["answer"], second["loaded"]], [2, first["loaded"]], "weights stay in memory");
    const phases = Object.keys(methods["phases_ms"] as object);
    for (const phase of ["event", "bundle", "pack", "upload", "stage", "swap"])
      assert.ok(phases.includes(phase), phase);

    await save("model/note.ts", note("from a helper"));
    await told("reloaded", 3);
    assert.deepEqual([(await ask())["note"], (await ask())["loaded"]], ["from a helper", first["loaded"]]);

    await save("model/model.ts", source("3", "this.loaded = 1 + Math.random();"));
    const loaded = await told("reloaded", 4);
    assert.equal(loaded["kind"], "process");
    assert.match(String(loaded["reason"]), /load changed/);
    assert.ok(((await ask())["loaded"] as number) >= 1);

    await save("data/words.txt", "two words");
    assert.equal((await told("reloaded", 5))["kind"], "process");
    assert.equal((await ask())["words"], "two words");

    await save("config.yaml", "model_name: followed\ndescription: described\n");
    assert.equal((await told("reloaded", 6))["kind"], "generation");
    const described = await ask();
    assert.equal(described["described"], "described");

    await save(
      "config.yaml",
      "model_name: followed\ndescription: described\nautoscaling: { max_replicas: 3 }\n",
    );
    const settings = await told("reloaded", 7);
    assert.equal(settings["kind"], "settings");
    assert.equal((await ask())["loaded"], described["loaded"], "nothing was loaded anew");

    await mkdir(join(project.dir, "dist"), { recursive: true });
    await save("dist/out.js", "output");
    await save("model/.model.ts.swp", "swap");
    await save("model/note.ts", note("after the noise"));
    const last = await told("reloaded", 8);
    assert.deepEqual(last["files"], ["model/note.ts"], "what is no part of the project reloads nothing");
    const { head, active, loading, last_error, replicas } = await state();
    assert.deepEqual(
      { head, active, loading, last_error, replicas },
      { head: last["digest"], active: last["digest"], loading: false, last_error: null, replicas: 1 },
    );
    assert.deepEqual(events("reload-failed"), []);
  });

  it("a save that does not compile or load costs no request, is told with its place, and the next one mends it", async (t) => {
    const { host, ask, save, told, state, name } = await start(t, "broken");
    const clients = constantClients(() => host.predict(name, {}, "development/predict"));
    await save("model/model.ts", `${source("2")}\nthis is no code;\n`);
    const syntax = await told("reload-failed", 1);
    assert.match(JSON.stringify(syntax["problems"]), /model\/model\.ts/);
    await save("model/model.ts", source("3", 'throw new Error("no weights today");'));
    const load = await told("reload-failed", 2);
    assert.match(JSON.stringify(load["problems"]), /no weights today/);
    const [problem] = load["problems"] as { file?: string; location?: { file: string; line: number } }[];
    assert.match(JSON.stringify(problem), /"model\/model\.ts"/);
    assert.equal((await ask())["answer"], 1);
    const failed = await state();
    assert.notEqual(failed.head, failed.active);
    assert.match(failed.last_error?.message ?? "", /no weights today/);

    const { failures, asked } = await clients.stop();
    assert.deepEqual(failures, []);
    assert.ok(asked > 20);
    await host.stop("SIGKILL");
    await host.start();
    await until(async () => (await ask())["answer"] === 1, {
      what: "the active code to serve after a restart",
    });
    await save("model/model.ts", source("4"));
    await until(async () => (await ask())["answer"] === 4, { timeout: 20_000, what: "the mended code" });
    const mended = await until(async () => {
      const now = await state();
      return now.head === now.active && now;
    });
    assert.equal(mended.last_error, null);
  });

  it("a broken save that is taken back leaves head and active the same", async (t) => {
    const { save, told, state, events } = await start(t, "undone");
    const before = await state();
    await save("model/model.ts", source("2", 'throw new Error("broken");'));
    await told("reload-failed");
    assert.notEqual((await state()).head, before.head);
    await save("model/model.ts", source("1"));
    await until(async () => (await state()).head === before.active, { what: "the head to be what is live" });
    assert.equal((await state()).last_error, null);
    assert.equal(events("reloaded").length, 1);
  });

  it("data that was saved with broken code is live once the code alone is mended", async (t) => {
    const { ask, save, told } = await start(t, "together");
    await save("model/note.ts", "throw new Error('not yet');\n" + note("second"));
    await told("reload-failed", 1);
    await save("data/words.txt", "saved while it was broken");
    await told("reload-failed", 2);
    await save("model/note.ts", note("mended"));
    await told("reloaded", 2);
    const answer = await ask();
    assert.deepEqual([answer["note"], answer["words"]], ["mended", "saved while it was broken"]);
  });

  it("a newer save ends the wait for one that loads", async (t) => {
    const { ask, save, told, events } = await start(t, "overtaken");
    await save("model/model.ts", source("2", "await new Promise((done) => setTimeout(done, 120_000));"));
    await told("reload-started", 2);
    await save("model/model.ts", source("3"));
    await until(async () => (await ask())["answer"] === 3, { timeout: 20_000 });
    assert.deepEqual(events("reload-failed"), []);
  });

  it("what is edited while host or watcher are away is brought when they are back", async (t) => {
    const { host, ask, save, cli, watch, told, project, state } = await start(t, "away");
    await host.stop("SIGKILL");
    await save("model/model.ts", source("2"));
    await save("data/words.txt", "while it was away");
    await host.start();
    await until(async () => (await ask())["words"] === "while it was away", { timeout: 20_000 });
    await until(async () => (await ask())["answer"] === 2, { timeout: 20_000 });
    cli().kill("SIGKILL");
    await cli().exited;
    await rm(join(project.dir, "model/note.ts"));
    await save("model/other.ts", note("another file"));
    await writeFile(
      join(project.dir, "model/model.ts"),
      (await readFile(join(project.dir, "model/model.ts"), "utf8")).replace("./note.ts", "./other.ts"),
    );
    // At once: the lease went with its connection.
    watch();
    await told("live");
    assert.equal((await ask())["note"], "another file");
    const { head, active } = await state();
    assert.equal(head, active);
  });

  it("a second watcher is refused by name; --takeover ends the first", async (t) => {
    const { host, project, cli } = await start(t, "two");
    const options = { cwd: project.dir, env: host.env };
    const second = spawnCli(t, ["push", project.dir, "--watch"], options);
    assert.equal((await second.exited).code, 1);
    assert.match(second.stderr(), /is watching two/);
    assert.match(second.stderr(), /--takeover/);
    const third = spawnCli(t, ["push", project.dir, "--watch", "--takeover"], options);
    await third.waitFor(/live at http/);
    assert.equal((await cli().exited).code, 1);
    assert.match(cli().stdout(), /WATCH_LOST/);
    third.kill("SIGINT");
    assert.equal((await third.exited).code, 130);
  });

  it("logs are in the same stream; the end of the watcher leaves no process and the deployment running", async (t) => {
    const { host, ask, save, told, cli, project, state } = await start(t, "logged");
    await save("model/model.ts", source('(console.log("said by predict"), 2)'));
    await told("reloaded", 2);
    await ask();
    await until(() => cli().stdout().includes("said by predict"));
    const { pid } = cli();
    cli().kill("SIGTERM");
    assert.equal((await cli().exited).code, 0);
    assert.ok(!isAlive(pid));
    assert.equal((await ask())["answer"], 2);
    await until(async () => (await state()).watcher === null);
    const plain = spawnCli(t, ["push", project.dir, "--watch"], { cwd: project.dir, env: host.env });
    await plain.waitFor(/live at http/);
    await plain.waitFor(/live the project in \S+ ms; live already, nothing sent/, { stream: "stderr" });
    plain.kill("SIGINT");
    assert.equal((await plain.exited).code, 130);
  });

  it("what a development deployment does not have is refused", async (t) => {
    const host = await startTestHost(t);
    for (const args of [["--environment", "staging"], ["--rollout", "10"], ["--dry-run"], ["--no-wait"]]) {
      const { code, stderr } = await host.cli(["push", "--watch", ...args]);
      assert.equal(code, 2, args.join(" "));
      assert.match(stderr, new RegExp(`${args[0]} cannot be used with --watch`));
    }
    assert.equal((await host.cli(["push", "--takeover"])).code, 2);
  });

  it("every replica answers with the new code, also those that start later", async (t) => {
    const host = await startTestHost(t);
    const watched = await watchProject(t, host, "many", async (project) => {
      await write(project);
      await project.write(
        "config.yaml",
        "model_name: many\nautoscaling: { min_replicas: 3, max_replicas: 3 }\n",
      );
    });
    await watched.told("live");
    await watched.save("model/model.ts", source("2"));
    const reloaded = await watched.told("reloaded", 2);
    assert.deepEqual([reloaded["kind"], reloaded["replicas"]], ["methods", 3]);
    const answers = await Promise.all(Array.from({ length: 30 }, () => watched.ask()));
    assert.deepEqual([...new Set(answers.map(({ answer }) => answer))], [2]);
    // A replica that is started anew has the new code from its beginning.
    const [victim] = host.models();
    process.kill(victim as number, "SIGKILL");
    const again = await Promise.all(Array.from({ length: 30 }, () => watched.ask()));
    assert.deepEqual([...new Set(again.map(({ answer }) => answer ?? 2))], [2]);
  });

  it("at a terminal a line stays at the foot, r loads anew, q ends it", { skip: noTerminal }, async (t) => {
    const host = await startTestHost(t);
    const project = await makeModelProject(t, "typed");
    await write(project);
    const command = `exec "${process.execPath}" "${PURLIN_BIN}" push --watch`;
    const child = spawn("script", ["-qfec", command, "/dev/null"], {
      cwd: project.dir,
      env: { ...process.env, ...host.env, TERM: "xterm", CI: undefined },
      stdio: ["pipe", "pipe", "inherit"],
    });
    t.after(() => child.kill("SIGKILL"));
    const exited = once(child, "close");
    let screen = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (screen += text));
    const seen = (pattern: RegExp) =>
      until(() => pattern.test(screen), { timeout: 30_000, what: () => `${pattern} in ${screen}` });
    await seen(
      /press r to reload[\s\S]*●.*http:\/\/127\.0\.0\.1:\d+\/models\/typed\/environments\/development/,
    );
    const before = (await (await host.predict("typed", {}, "development/predict")).json()) as {
      loaded: number;
    };
    child.stdin.write("r");
    await seen(/new process, weights loaded anew: asked for/);
    const after = (await (await host.predict("typed", {}, "development/predict")).json()) as {
      loaded: number;
    };
    assert.notEqual(after.loaded, before.loaded);
    child.stdin.write("q");
    assert.deepEqual(await exited, [0, null]);
  });
});
