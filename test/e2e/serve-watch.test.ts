import assert from "node:assert/strict";
import { mkdir, open, readFile, rename, rm, utimes, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { isAlive } from "../helpers/is-alive.ts";
import { seededRandom } from "../helpers/random.ts";
import { processesOf } from "../helpers/run-model.ts";
import { saveAtOnce } from "../helpers/save-at-once.ts";
import { type SpawnedCli, spawnCli } from "../helpers/spawn-cli.ts";
import { tmpDir } from "../helpers/tmp-dir.ts";
import { until } from "../helpers/until.ts";

/** `loads` tells whether the answer comes from the instance that was loaded first. */
const model = (answer: string, load = "this.loaded = Math.random();"): string => `
import { note } from "./note.ts";
export class Model {
  loaded = 0;
  config: any;
  dataDir: string;
  constructor({ config, dataDir }: any) { this.config = config; this.dataDir = dataDir; }
  async load() { ${load} }
  async predict() { return { answer: ${answer}, note: note(), loaded: this.loaded, described: this.config.description }; }
}
`;
const NOTE = 'export function note(): string {\n  return "first";\n}\n';

interface Served {
  dir: string;
  cli: SpawnedCli;
  url: string;
  ask(): Promise<{ answer: unknown; note: string; loaded: number; described: string | null; data?: string }>;
  save(file: string, text: string): Promise<void>;
  events(): Record<string, unknown>[];
}

/** Four clients that ask without a pause; what went wrong is kept, so that it cannot hide what went wrong first. */
function constantLoad(url: string): { stop(): Promise<{ failures: string[]; asked: number }> } {
  const state = { stopped: false };
  const failures: string[] = [];
  let asked = 0;
  const client = async (): Promise<void> => {
    while (!state.stopped) {
      try {
        const response = await fetch(`${url}/predict`, { method: "POST", body: "{}" });
        const text = await response.text();
        if (response.status !== 200) failures.push(`${response.status} ${text}`);
        asked += 1;
      } catch (error) {
        failures.push(String((error as Error).cause ?? error));
        return;
      }
    }
  };
  const clients = Array.from({ length: 4 }, client);
  return {
    async stop() {
      state.stopped = true;
      await Promise.all(clients);
      return { failures, asked };
    },
  };
}

function failedReloads(events: Record<string, unknown>[]): Record<string, unknown>[] {
  return events.filter(({ type }) => type === "reload-failed");
}

/** A served project in a folder whose name has a space, an umlaut and `dist` in it. */
async function serve(t: TestContext): Promise<Served> {
  const dir = join(await tmpDir(t), "my dist modèle");
  await mkdir(join(dir, "model"), { recursive: true });
  await mkdir(join(dir, "data"));
  await writeFile(join(dir, "config.yaml"), "model_name: watched\n");
  await writeFile(join(dir, "data/words.txt"), "one");
  await writeFile(join(dir, "model/note.ts"), NOTE);
  await writeFile(join(dir, "model/model.ts"), model("1"));
  const cli = spawnCli(t, ["serve", dir, "--port", "0", "--watch", "--json"], { cwd: dir });
  t.after(async () => {
    cli.kill("SIGTERM");
    await cli.exited;
  });
  const [, url = ""] = await cli.waitFor(/"url":"(http[^"]+)"/);
  await cli.waitFor(/"type":"ready"/);
  await cli.waitFor(/"type":"watching"/);
  return {
    dir,
    cli,
    url,
    ask: async () => (await (await fetch(`${url}/predict`, { method: "POST", body: "{}" })).json()) as never,
    save: (file, text) => writeFile(join(dir, file), text),
    events: () =>
      cli
        .stdout()
        .split("\n")
        .filter((line) => line.startsWith("{"))
        .map((line) => JSON.parse(line) as Record<string, unknown>),
  };
}

describe("serve --watch", () => {
  it("code keeps the loaded weights, a changed load makes a new process, and both are said", async (t) => {
    const { ask, save, events } = await serve(t);
    const first = await ask();
    await save("model/model.ts", model("2"));
    await until(async () => (await ask()).answer === 2);
    assert.equal((await ask()).loaded, first.loaded, "the instance is the one that was loaded");
    await save("model/note.ts", NOTE.replace("first", "second, from a helper"));
    await until(async () => (await ask()).note === "second, from a helper");
    assert.equal((await ask()).loaded, first.loaded);
    await save("model/model.ts", model("3", "this.loaded = 1 + Math.random();"));
    await until(async () => (await ask()).answer === 3);
    assert.ok((await ask()).loaded >= 1);
    const reloads = await until(() => {
      const found = events().filter(({ type }) => type === "reloaded");
      return found.length === 3 && found;
    });
    assert.deepEqual(
      reloads.map(({ kind }) => kind),
      ["methods", "methods", "process"],
    );
    assert.match(String(reloads[2]?.["reason"]), /load changed/);
  });

  it("config and data changes are applied; touches, swap files and other files reload nothing", async (t) => {
    const { dir, ask, events } = await serve(t);
    // In one step: between the emptying and the writing of a plain save, the empty file may be seen, too.
    const save = (file: string, text: string): Promise<void> => saveAtOnce(join(dir, file), text);
    await save("config.yaml", "model_name: watched\ndescription: now with words\n");
    await until(async () => (await ask()).described === "now with words");
    const reading =
      "(await (await import('node:fs/promises')).readFile(this.dataDir + '/words.txt', 'utf8'))";
    await save("model/model.ts", model(reading));
    await until(async () => (await ask()).answer === "one");
    await save("data/words.txt", "two words");
    await until(async () => (await ask()).answer === "two words");
    const reloads = (): number => events().filter(({ type }) => type === "reloaded").length;
    const told = (): string => `all reloads to be reported: ${JSON.stringify(events())}`;
    await until(() => reloads() === 3, { what: told });
    const now = new Date();
    await utimes(join(dir, "model/model.ts"), now, now);
    await save("model/.model.ts.swp", "swap");
    await save("README.md", "words");
    await mkdir(join(dir, "dist"), { recursive: true });
    await save("dist/out.js", "output");
    // A real save afterwards shows that the watcher has seen all of the above.
    await save("model/note.ts", NOTE.replace("first", "after the noise"));
    await until(async () => (await ask()).note === "after the noise");
    await until(() => reloads() >= 4, { what: told });
    assert.equal(reloads(), 4, told());
  });

  it("an emptied file that is written soon after does not go live empty", async (t) => {
    const { dir, ask, events } = await serve(t);
    let slowSaves = 0;
    for (let i = 0; i < 5; i++) {
      const began = performance.now();
      const file = await open(join(dir, "config.yaml"), "w");
      await delay(i * 8);
      await file.writeFile(`model_name: watched\ndescription: save ${i}\n`);
      await file.close();
      // On a machine that has no time for us, even this save may take as long as two.
      if (performance.now() - began > 55) slowSaves += 1;
      await until(async () => (await ask()).described === `save ${i}`);
    }
    const reloads = await until(() => {
      const found = events().filter(({ type }) => type === "reloaded");
      return found.length >= 5 && found;
    });
    assert.ok(reloads.length <= 5 + slowSaves, `${slowSaves} slow saves: ${JSON.stringify(events())}`);
  });

  it("renames over the file, deletes and re-creations converge", async (t) => {
    const { dir, ask, save, events } = await serve(t);
    for (let i = 0; i < 8; i++) {
      await save("model/model.ts.tmp", model(`"rename ${i}"`));
      await rename(join(dir, "model/model.ts.tmp"), join(dir, "model/model.ts"));
      await until(async () => (await ask()).answer === `rename ${i}`);
    }
    await rm(join(dir, "model/model.ts"));
    await until(() => events().some(({ type }) => type === "reload-failed"));
    assert.equal((await ask()).answer, "rename 7");
    await save("model/model.ts", model('"back"'));
    await until(async () => (await ask()).answer === "back");
  });

  it("no request fails over twenty saves, broken ones among them; errors name file and line", async (t) => {
    const { ask, save, events, url } = await serve(t);
    const load = constantLoad(url);
    const told = (words: RegExp, since: number): Promise<unknown> =>
      // A save under way may be told as a mistake of its own; it is the last word that counts.
      until(() => words.test(JSON.stringify(failedReloads(events()).slice(since))), { what: String(words) });
    for (let i = 0; i < 20; i++) {
      const before = failedReloads(events()).length;
      if (i % 5 === 1) {
        await save("model/model.ts", `${model("1")}\nthis is not code ${"x".repeat(i)}(`);
        await told(/Expected.*"file":"model\/model\.ts","line":\d+/, before);
      } else if (i % 5 === 3) {
        await save("model/model.ts", model(`${i}`, `throw new Error("cannot load ${i}");`));
        await told(new RegExp(`cannot load ${i}.*"file":"model/model\\.ts","line":\\d+`), before);
      } else {
        await save("model/model.ts", model(`${i}`, i % 2 === 0 ? "this.loaded = 1;" : `this.loaded = ${i};`));
        await until(async () => (await ask()).answer === i);
      }
    }
    const { failures, asked } = await load.stop();
    assert.deepEqual(failures, []);
    assert.ok(asked > 50);
  });

  it("saves that break and mend the file while it is being read end in the last one, and cost no request", async (t) => {
    const { ask, save, url, cli } = await serve(t);
    const load = constantLoad(url);
    const random = seededRandom(20);
    for (let i = 0; i < 120; i++) {
      const text = model(`"save ${i}"`, `this.loaded = ${i % 3};`);
      await save("model/model.ts", i % 2 === 0 ? text : `${text}\nthis is not code ${i}(`);
      // A build of this project reads its files within some 30 ms after a save.
      await delay(random.int(40));
    }
    await save("model/model.ts", model('"the last save"'));
    await until(async () => (await ask()).answer === "the last save", {
      what: () => cli.stderr().slice(-1500),
    });
    const { failures } = await load.stop();
    assert.deepEqual(failures, []);
  });

  it("a broken save that is taken back is clear again, without a reload", async (t) => {
    const { ask, save, events, dir } = await serve(t);
    const good = await readFile(join(dir, "model/model.ts"), "utf8");
    await save("model/model.ts", "export class Model {");
    await until(() => events().some(({ type }) => type === "reload-failed"));
    await save("model/model.ts", good);
    await until(() => events().some(({ type }) => type === "note" || type === "unchanged"));
    assert.equal((await ask()).answer, 1);
    await save("model/model.ts", model("2"));
    await until(async () => (await ask()).answer === 2);
  });

  it("no process is left, whichever way it ends", async (t) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGKILL"] as const) {
      const { cli, dir } = await serve(t);
      const before = await processesOf(join(dir, ".purlin"));
      assert.ok(before.length >= 2);
      cli.kill(signal);
      await cli.exited;
      await until(() => before.every((pid) => !isAlive(pid)), {
        timeout: 5000,
        what: `${signal} to end them all`,
      });
    }
  });
});

describe("serve", () => {
  it("a port in use, a bad host and a model that cannot load are one clear line and exit code 1", async (t) => {
    const { dir } = await serve(t);
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
    t.after(() => taken.close());
    const { port } = taken.address() as AddressInfo;
    const busy = spawnCli(t, ["serve", dir, "--port", String(port)], { cwd: dir });
    assert.equal((await busy.exited).code, 1);
    assert.match(busy.stderr(), new RegExp(`Another process listens on 127\\.0\\.0\\.1:${port}`));
    assert.doesNotMatch(busy.stderr(), /\n\s+at /);
    const host = spawnCli(t, ["serve", dir, "--port", "0", "--host", "203.0.113.7"], { cwd: dir });
    assert.equal((await host.exited).code, 1);
    assert.match(host.stderr(), /not an address of this machine/);
    await writeFile(join(dir, "model/model.ts"), model("1", 'throw new Error("no weights here");'));
    const broken = spawnCli(t, ["serve", dir, "--port", "0"], { cwd: dir });
    assert.equal((await broken.exited).code, 1);
    assert.match(broken.stderr(), /no weights here/);
    assert.match(broken.stderr(), /model\/model\.ts:\d+/);
  });
});

describe("serve --watch in a folder that its own output goes to", () => {
  it("says nothing of the log that it writes there, and goes on following saves", async (t) => {
    const { dir, ask, save, events } = await serve(t);
    for (let i = 0; i < 5; i++) {
      await saveAtOnce(join(dir, "out.txt"), "a line".repeat(i + 1));
      await ask();
    }
    await save("model/note.ts", NOTE.replace("first", "after the log"));
    await until(async () => (await ask()).note === "after the log");
    const named = events().flatMap((event) => (event["files"] as string[] | undefined) ?? []);
    assert.ok(
      !named.includes("out.txt") || events().every(({ type }) => type !== "unchanged"),
      String(named),
    );
  });

  it("tells of a mistake once, not again for each line that the telling adds to the log", async (t) => {
    const { dir, ask, save, events } = await serve(t);
    const failures = (): number => events().filter(({ type }) => type === "reload-failed").length;
    const config = await readFile(join(dir, "config.yaml"), "utf8");
    await save("config.yaml", `${config}\nnonsense: 1\n`);
    await until(() => failures() === 1);
    for (let i = 0; i < 5; i++) {
      await saveAtOnce(join(dir, "out.txt"), "a line".repeat(i + 1));
      // Nothing shows that it was heard of: that is what is tested.
      await delay(200);
    }
    assert.equal(failures(), 1);
    await save("config.yaml", `${config}\nnonsense: 1\n\n`);
    await until(() => failures() === 2);
    await save("config.yaml", config);
    await save("model/note.ts", NOTE.replace("first", "after the mistake"));
    await until(async () => (await ask()).note === "after the mistake");
    assert.equal(failures(), 2);
  });
});
