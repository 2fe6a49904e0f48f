// The first edit goes live: an answer that differs from its example is told once, as what it is, and is no mistake.
import assert from "node:assert/strict";
import { once } from "node:events";
import { spawn, spawnSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { PURLIN_BIN, type SpawnedCli, spawnCli } from "../helpers/spawn-cli.ts";
import { makeProject } from "../helpers/build-project.ts";
import { saveAtOnce } from "../helpers/save-at-once.ts";
import { startTestHost } from "../helpers/test-host.ts";
import { until } from "../helpers/until.ts";

const CONFIG = `model_name: greets
examples:
  - name: greeting
    input: { name: Ada }
    output: { text: "Hello, Ada" }
  - name: nobody
    input: {}
    status: 400
`;
const model = (text: string, more = ""): string => `import { HttpError } from "purlin";
export class Model {
  predict({ name }: { name?: string }) {
    if (name === undefined) throw new HttpError(400, "who?");
    ${more}
    return ${text};
  }
}
`;
const FIRST = model("{ text: `Hello, ${name}` }");
const PATIENCE = { timeout: 60_000 };

type Told = Record<string, unknown> & { type: string };

interface Watched {
  dir: string;
  cli: SpawnedCli;
  events(type: string): Told[];
  save(source: string): Promise<void>;
  ask(): Promise<unknown>;
}

/** A project, watched by one of the two commands, with what it tells as NDJSON. */
type Watch = (t: TestContext, options?: { first?: string; args?: string[] }) => Promise<Watched>;

const serving: Watch = async (t, { first = FIRST, args = [] } = {}) => {
  const dir = await makeProject(t, { "config.yaml": CONFIG, "model/model.ts": first });
  const cli = spawnCli(t, ["serve", dir, "--watch", "--port", "0", "--json", ...args], { cwd: dir });
  const watched = watch(dir, cli);
  const [listening] = await until(
    () => watched.events("listening").length > 0 && watched.events("listening"),
    PATIENCE,
  );
  await until(() => watched.events("ready").length + watched.events("failed").length > 0, PATIENCE);
  const ask = async (): Promise<unknown> =>
    (await fetch(`${listening?.["url"]}/predict`, { method: "POST", body: '{"name":"Ada"}' })).json();
  return { ...watched, ask };
};

const pushing: Watch = async (t, { first = FIRST, args = [] } = {}) => {
  const host = await startTestHost(t);
  const dir = await makeProject(t, { "config.yaml": CONFIG, "model/model.ts": first });
  const cli = spawnCli(t, ["push", dir, "--watch", "--json", ...args], { cwd: dir, env: host.env });
  const watched = watch(dir, cli);
  await until(() => watched.events("reloaded").length + watched.events("reload-failed").length > 0, PATIENCE);
  return {
    ...watched,
    ask: async () => (await host.predict("greets", { name: "Ada" }, "development/predict")).json(),
  };
};

function watch(dir: string, cli: SpawnedCli): Omit<Watched, "ask"> {
  return {
    dir,
    cli,
    events: (type) =>
      cli
        .stdout()
        .split("\n")
        .concat(cli.stderr().split("\n"))
        .filter((line) => line.startsWith(`{"type":"${type}"`) && line.endsWith("}"))
        .map((line) => JSON.parse(line) as Told),
    save: (source) => saveAtOnce(join(dir, "model/model.ts"), source),
  };
}

for (const [command, start] of Object.entries({ "serve --watch": serving, "push --watch": pushing })) {
  describe(`${command}: an answer that is not its example's`, () => {
    it("goes live; what differs is told once, by name, and again only when it differs otherwise", async (t) => {
      const watched = await start(t);
      const answers = async (text: string): Promise<void> => {
        await until(async () => ((await watched.ask()) as { text: string }).text === text, PATIENCE);
      };
      await answers("Hello, Ada");
      assert.deepEqual(watched.events("examples-changed"), []);
      await watched.save(model("{ text: `Good day, ${name}` }"));
      await answers("Good day, Ada");
      const [told] = await until(() => {
        const found = watched.events("examples-changed");
        return found.length === 1 && found;
      }, PATIENCE);
      const [difference] = (told?.["differences"] ?? []) as { name: string; difference: string }[];
      assert.equal(difference?.name, "greeting");
      assert.match(difference?.difference ?? "", /Good day, Ada.*Hello, Ada/);

      // The same difference stands: two more saves say nothing of it, one by a swap and one by a new process.
      const before = watched.events("reloaded").length;
      await watched.save(model("{ text: `Good day, ${name}`, ...{} }", "void 0;"));
      await until(() => watched.events("reloaded").length > before, PATIENCE);
      const loads = "{ text: `Good day, ${name}` }";
      await watched.save(model(loads).replace("  predict(", "  load() {}\n  predict("));
      await until(() => watched.events("reloaded").some(({ kind }) => kind === "process"), {
        ...PATIENCE,
        what: () => JSON.stringify([watched.events("reloaded"), watched.events("reload-failed")]),
      });
      assert.equal(watched.events("examples-changed").length, 1);
      assert.deepEqual(watched.events("reload-failed"), []);

      await watched.save(model("{ text: `Hi, ${name}` }"));
      await answers("Hi, Ada");
      await until(() => watched.events("examples-changed").length === 2, PATIENCE);
    });

    it("an example that fails is a broken save all the same", async (t) => {
      const watched = await start(t);
      await watched.save(model("{ text: `Hello, ${name}` }", 'throw new Error("no weights");'));
      const [failed] = await until(() => {
        const found = watched.events("reload-failed");
        return found.length > 0 && found;
      }, PATIENCE);
      assert.match(JSON.stringify(failed), /did not pass its examples[^}]*greeting[^}]*no weights/);
      assert.deepEqual(await watched.ask(), { text: "Hello, Ada" });
    });

    it("--strict-examples keeps such code from going live", async (t) => {
      const watched = await start(t, { args: ["--strict-examples"] });
      await watched.save(model("{ text: `Good day, ${name}` }"));
      await until(() => watched.events("reload-failed").length > 0, PATIENCE);
      assert.deepEqual(await watched.ask(), { text: "Hello, Ada" });
      assert.deepEqual(watched.events("examples-changed"), []);
    });

    it("the first code may differ, too", async (t) => {
      const watched = await start(t, { first: model("{ text: `Good day, ${name}` }") });
      assert.deepEqual(await watched.ask(), { text: "Good day, Ada" });
      await until(() => watched.events("examples-changed").length === 1, PATIENCE);
    });
  });
}

it("a host that is started again takes up a development deployment whose answers differ", async (t) => {
  const host = await startTestHost(t);
  const dir = await makeProject(t, { "config.yaml": CONFIG, "model/model.ts": FIRST });
  const cli = spawnCli(t, ["push", dir, "--watch", "--json"], { cwd: dir, env: host.env });
  const watched = watch(dir, cli);
  await until(() => watched.events("reloaded").length > 0, PATIENCE);
  await watched.save(model("{ text: `Good day, ${name}` }"));
  await until(() => watched.events("examples-changed").length > 0, PATIENCE);
  cli.kill();
  await cli.exited;
  await host.stop();
  await host.start();
  const ask = async (): Promise<unknown> => {
    const answer = await host.predict("greets", { name: "Ada" }, "development/predict");
    return answer.status === 200 && ((await answer.json()) as { text: string }).text;
  };
  assert.equal(await until(ask, PATIENCE), "Good day, Ada");
});

it("a push without --watch is refused, and says what differs", async (t) => {
  const host = await startTestHost(t);
  const dir = await makeProject(t, {
    "config.yaml": CONFIG,
    "model/model.ts": model("{ text: `Good day, ${name}` }"),
  });
  for (const environment of ["production", "development"]) {
    const pushed = spawnCli(t, ["push", dir, "--environment", environment], { cwd: dir, env: host.env });
    assert.equal((await pushed.exited).code, 1);
    assert.match(pushed.stderr(), /example "greeting"[\s\S]*Good day, Ada/);
  }
});

const noTerminal = spawnSync("script", ["--version"]).status !== 0 && "there is no script(1) here";

it("u at the terminal keeps the answers of now, and loads nothing", { skip: noTerminal }, async (t) => {
  const dir = await makeProject(t, { "config.yaml": CONFIG, "model/model.ts": FIRST });
  const command = `exec "${process.execPath}" "${PURLIN_BIN}" serve --watch --port 0`;
  const child = spawn("script", ["-qfec", command, "/dev/null"], {
    cwd: dir,
    env: { ...process.env, TERM: "xterm", CI: undefined },
    stdio: ["pipe", "pipe", "inherit"],
  });
  t.after(() => child.kill("SIGKILL"));
  const exited = once(child, "close");
  let screen = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (screen += text));
  const seen = (pattern: RegExp) =>
    until(() => pattern.test(screen), { ...PATIENCE, what: () => `${pattern} in ${screen}` });
  await seen(/press r to reload, u to keep/);
  await saveAtOnce(join(dir, "model/model.ts"), model("{ text: `Good day, ${name}` }"));
  await seen(/the answer to .*greeting.* changed: [\s\S]*purlin test --update, or press u/);
  child.stdin.write("u");
  await seen(/config\.yaml has the answers of now: greeting/);
  await seen(/settings applied, nothing reloaded: only examples in config\.yaml changed/);
  assert.match(await readFile(join(dir, "config.yaml"), "utf8"), /Good day, Ada/);
  child.stdin.write("q");
  assert.deepEqual(await exited, [0, null]);
});
