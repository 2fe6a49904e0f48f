import assert from "node:assert/strict";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { CancelledError } from "../../src/errors.ts";
import { isAlive } from "../helpers/is-alive.ts";
import { runCli } from "../helpers/run-cli.ts";
import { tmpDir } from "../helpers/tmp-dir.ts";
import { until } from "../helpers/until.ts";

interface Result {
  passed: number;
  failed: number;
  examples: { name: string; ok: boolean; duration_ms: number; status: number; reason: string | null }[];
  error?: { code: string; message: string; hint: string };
}

const MODEL = `
import { HttpError } from "purlin";
export class Model {
  #factor = 0;
  async load() { this.#factor = 2; }
  predict(input: { x?: number; fail?: boolean; refuse?: boolean }) {
    if (input.fail) throw new Error("the inner reason");
    if (input.refuse) throw new HttpError(422, "not this one");
    return { y: (input.x ?? 0) * this.#factor };
  }
  async *completions() { yield "a"; yield "b"; }
}
`;

async function project(t: TestContext, config: string, model = MODEL): Promise<string> {
  const dir = await tmpDir(t);
  await mkdir(join(dir, "model"));
  await writeFile(join(dir, "model/model.ts"), model);
  await writeFile(join(dir, "config.yaml"), config);
  return dir;
}

describe("purlin test", () => {
  it("builds, runs each example against the package, compares where there is an output, and takes the time", async (t) => {
    const dir = await project(
      t,
      `examples:
  - { name: equal, input: { x: 2 }, output: { y: 4 } }
  - { name: about, input: { x: 0.15001 }, output: { y: { approx: 0.3 } } }
  - { name: any, input: { x: 1 } }
  - { name: gathered stream, input: {}, method: completions, output: ab }
`,
    );
    const run = await runCli(["test", "--json"], { cwd: dir });
    assert.equal(run.code, 0, run.stderr + run.stdout);
    const { passed, failed, examples } = run.json() as Result;
    assert.deepEqual([passed, failed], [4, 0]);
    assert.deepEqual(
      examples.map(({ name, ok, status }) => [name, ok, status]),
      ["equal", "about", "any", "gathered stream"].map((name) => [name, true, 200]),
    );
    for (const { duration_ms } of examples) assert.ok(duration_ms > 0);
    const text = await runCli(["test", dir]);
    assert.match(
      text.stdout,
      /^ok +equal +[\d.]+ ms\n[\s\S]*ok +any .*nothing to compare with\n[\s\S]*4 passed, 0 failed/,
    );
  });

  it("ends with 1 where an answer differs or is an error, says why, and goes on with the others", async (t) => {
    const dir = await project(
      t,
      `examples:
  - { name: differs, input: { x: 2 }, output: { y: 5 } }
  - { name: throws, input: { fail: true } }
  - { name: refuses, input: { refuse: true } }
  - { name: works, input: { x: 1 }, output: { y: 2 } }
`,
    );
    const run = await runCli(["test", "--json"], { cwd: dir });
    assert.equal(run.code, 1);
    const { passed, failed, examples, error } = run.json() as Result;
    assert.deepEqual([passed, failed], [1, 3]);
    assert.equal(error?.code, "EXAMPLES_FAILED");
    const reasons = Object.fromEntries(examples.map(({ name, reason }) => [name, reason]));
    assert.equal(reasons["differs"], "y is 4, expected 5");
    assert.match(reasons["throws"] ?? "", /500 MODEL_ERROR/);
    assert.match(reasons["refuses"] ?? "", /422 HTTP_ERROR: not this one/);
    assert.match(run.stderr, /the inner reason/, "the log of a failed example is shown");
  });

  it("without examples says how they are written", async (t) => {
    const dir = await project(t, "model_name: none\n");
    const run = await runCli(["test", "--json"], { cwd: dir });
    assert.equal(run.code, 1);
    const { error } = run.json() as Result;
    assert.equal(error?.code, "NO_EXAMPLES");
    assert.match(error.hint, /examples:/);
  });

  it("a model that does not load ends with the model's own message and place", async (t) => {
    const model = `export class Model {\n  load() {\n    throw new Error("no weights here");\n  }\n  predict() {}\n}\n`;
    const dir = await project(t, "runtime: { load_retries: 0 }\nexamples: [{ name: a, input: 1 }]\n", model);
    const run = await runCli(["test"], { cwd: dir });
    assert.equal(run.code, 1);
    assert.match(run.stderr, /no weights here[\s\S]*model\/model\.ts:3:11/);
  });

  it("a secret from .env is never printed, also where the model answers with it", async (t) => {
    const model = `export class Model {
  #secrets;
  constructor({ secrets }) { this.#secrets = secrets; }
  predict() { return this.#secrets.token; }
}`;
    const dir = await project(
      t,
      "secrets: { token: null }\nexamples: [{ name: a, input: 1, output: other }]\n",
      model,
    );
    await writeFile(join(dir, ".env"), "token=hunter2-hunter2\n");
    const run = await runCli(["test"], { cwd: dir });
    assert.match(run.stdout, /the output is "\*\*\*", expected "other"/);
    assert.doesNotMatch(run.stdout + run.stderr, /hunter2/);
  });

  it("being stopped leaves no process and no socket behind", async (t) => {
    const model = `import { writeFileSync } from "node:fs";
export class Model {
  async predict({ file }) {
    writeFileSync(file, String(process.pid));
    await new Promise((resolve) => setTimeout(resolve, 60_000));
  }
}`;
    const dir = await tmpDir(t);
    const file = join(dir, "pid");
    const stop = new AbortController();
    const cwd = await project(
      t,
      `examples: [{ name: a, input: { file: ${JSON.stringify(file)} } }]\n`,
      model,
    );
    // A folder of its own: what other programs leave in the usual one is theirs.
    const usual = process.env["TMPDIR"];
    process.env["TMPDIR"] = dir;
    t.after(() => {
      if (usual === undefined) delete process.env["TMPDIR"];
      else process.env["TMPDIR"] = usual;
    });
    const run = runCli(["test"], { cwd, signal: stop.signal });
    const pid = Number(await until(async () => (await import("node:fs/promises")).readFile(file, "utf8")));
    stop.abort(new CancelledError("SIGINT"));
    assert.equal((await run).code, 130);
    await until(() => !isAlive(pid), { what: "the model process to end" });
    assert.deepEqual(await readdir(dir), ["pid"]);
  });
});
