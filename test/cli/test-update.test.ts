import assert from "node:assert/strict";
import { chmod, mkdir, readFile, rename, stat, symlink, writeFile, lstat } from "node:fs/promises";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import type { OutputUpdate } from "../../src/actions/test-steps/output-updater.ts";
import { runCli } from "../helpers/run-cli.ts";
import { tmpDir } from "../helpers/tmp-dir.ts";

interface Result {
  passed: number;
  failed: number;
  examples: { name: string; ok: boolean; reason: string | null; compared: boolean }[];
  updates?: OutputUpdate[];
  error?: { code: string; message: string; hint: string };
}

const MODEL = `
import { appendFileSync } from "node:fs";
import { join } from "node:path";
export class Model {
  calls = 0;
  secrets: any; dataDir: string;
  constructor({ secrets, dataDir }: any) { this.secrets = secrets; this.dataDir = dataDir; }
  predict(input: any) {
    this.calls += 1;
    if (input.fail) throw new Error("the inner reason");
    if (input.random) return { id: "id-" + this.calls, x: 1 };
    if (input.noise) return { score: 0.5 + this.calls * 1e-7, label: "cat" };
    if (input.big) return "x".repeat(70_000);
    if (input.secret) return { text: "it is " + this.secrets.token };
    if (input.bytes) return Uint8Array.from([1, 2, 3]);
    if (input.edit) appendFileSync(input.edit, "# edited meanwhile\\n");
    return { words: 5, sentences: 2, scores: [0.25, { top: "a" }] };
  }
}
`;

async function project(t: TestContext, config: string): Promise<string> {
  const dir = await tmpDir(t);
  await mkdir(join(dir, "model"));
  await writeFile(join(dir, "model/model.ts"), MODEL);
  await writeFile(join(dir, "config.yaml"), config);
  return dir;
}

const configOf = (dir: string): Promise<string> => readFile(join(dir, "config.yaml"), "utf8");

describe("purlin test --update", () => {
  it("writes the answers of now into config.yaml and touches nothing else; the next run changes nothing", async (t) => {
    const before = `# my model
model_name:   m

examples:
  # the first
  - name: stale   # why it is here
    input: { x: 1 }
    output:
      words: 4   # counted by hand
      sentences: 2
      scores: [{ approx: 0.9, within: 0.01 }, { top: "a" }]
  - name: fresh
    input: { x: 2 }   # no output yet
  - { name: holds, input: {}, output: { words: { approx: 5.001 }, sentences: 2, scores: [0.25, { top: a }] } }
`;
    const dir = await project(t, before);
    const run = await runCli(["test", "--update", "--json"], { cwd: dir });
    assert.equal(run.code, 0, run.stderr + run.stdout);
    const after = before
      .replace("words: 4 ", "words: 5 ")
      .replace("approx: 0.9,", "approx: 0.25,")
      .replace(
        "{ x: 2 }   # no output yet\n",
        "{ x: 2 }   # no output yet\n    output: { words: 5, sentences: 2, scores: [0.25, { top: a }] }\n",
      );
    assert.equal(await configOf(dir), after);
    const { updates, passed, failed } = run.json() as Result;
    assert.deepEqual([passed, failed], [3, 0]);
    assert.deepEqual(
      updates?.map(({ name, outcome }) => [name, outcome]),
      [
        ["stale", "written"],
        ["fresh", "written"],
        ["holds", "unchanged"],
      ],
    );
    assert.deepEqual(updates?.[0]?.changes, [
      { path: "words", before: "4", after: "5" },
      { path: "scores[0].approx", before: "0.9", after: "0.25" },
    ]);

    const { mtimeMs } = await stat(join(dir, "config.yaml"));
    const again = await runCli(["test", "--update"], { cwd: dir });
    assert.equal(again.code, 0);
    assert.match(again.stdout, /config\.yaml is as it was/);
    assert.equal((await stat(join(dir, "config.yaml"))).mtimeMs, mtimeMs, "it is not even written");
    assert.equal((await runCli(["test"], { cwd: dir })).code, 0);
  });

  it("shows what changed, for people", async (t) => {
    const dir = await project(
      t,
      "examples: [{ name: a, input: {}, output: { words: 4, old: true } }, { name: b, input: {} }]\n",
    );
    const run = await runCli(["test", "-u"], { cwd: dir });
    assert.match(
      run.stdout,
      /written {2}a\n {2}words: 4 → 5\n {2}old: true → gone\n {2}sentences: \+ 2\n {2}scores: \+ \[0\.25,\{"top":"a"\}\]\nwritten {2}b\n {2}output: \+ \{"words":5.*\nconfig\.yaml: 2 outputs written, 0 unchanged/,
    );
  });

  it("an answer that is not the same twice is not written; numbers that are nearly the same get a mark", async (t) => {
    const before =
      "examples:\n  - { name: ids, input: { random: true } }\n  - { name: noise, input: { noise: true } }\n  - { name: ids expected, input: { random: true }, output: { id: id-1, x: 1 } }\n";
    const dir = await project(t, before);
    const run = await runCli(["test", "--update", "--json"], { cwd: dir });
    assert.equal(run.code, 1, "an example that expects what cannot be expected fails");
    const { updates, examples } = run.json() as Result;
    assert.match(
      updates?.[0]?.reason ?? "",
      /^its answer is not the same twice: id is "id-2", expected "id-1"/,
    );
    assert.deepEqual(
      examples.map(({ name, ok }) => [name, ok]),
      [
        ["ids", true],
        ["noise", true],
        ["ids expected", false],
      ],
    );
    assert.match(updates?.[1]?.reason ?? "", /written as approx/);
    assert.equal(
      await configOf(dir),
      before.replace(/(noise: true \})/, "$1, output: { score: { approx: 0.5000003 }, label: cat }"),
    );
    assert.equal((await runCli(["test", "--only", "noise"], { cwd: dir })).code, 0);
  });

  it("errors, long answers and secrets are never written; the rest is", async (t) => {
    const before = `secrets: { token: null }
examples:
  - { name: fails, input: { fail: true }, output: 1 }
  - { name: big, input: { big: true } }
  - { name: secret, input: { secret: true } }
  - { name: wanted, input: { fail: true }, status: 500 }
  - { name: bytes, input: { bytes: true }, output: { bytes: 2 } }
`;
    const dir = await project(t, before);
    await writeFile(join(dir, ".env"), "token=hunter2-hunter2\n");
    const run = await runCli(["test", "--update", "--json"], { cwd: dir });
    assert.equal(run.code, 1);
    const { updates, examples } = run.json() as Result;
    assert.deepEqual(
      updates?.map(({ name, outcome }) => [name, outcome]),
      [
        ["fails", "left"],
        ["big", "left"],
        ["secret", "left"],
        ["wanted", "unchanged"],
        ["bytes", "written"],
      ],
    );
    assert.match(examples[0]?.reason ?? "", /500 MODEL_ERROR/);
    assert.match(updates?.[1]?.reason ?? "", /69 KiB of JSON; at most 64 are written into config\.yaml/);
    assert.match(updates?.[2]?.reason ?? "", /holds the value of a secret/);
    assert.equal(await configOf(dir), before.replace("bytes: 2 }", "bytes: 3 }"));
    assert.doesNotMatch(run.stdout + run.stderr, /hunter2/);
  });

  it("a file that was edited meanwhile is left alone", async (t) => {
    const dir = await project(t, "");
    const file = join(dir, "config.yaml");
    const before = `examples: [{ name: a, input: { edit: ${JSON.stringify(file)} } }]\n`;
    await writeFile(file, before);
    const run = await runCli(["test", "--update"], { cwd: dir });
    assert.equal(run.code, 1);
    assert.match(run.stderr, /config\.yaml was changed meanwhile; nothing was written/);
    assert.equal(await configOf(dir), `${before}${"# edited meanwhile\n".repeat(2)}`);
  });

  it("a link stays a link, and permissions stay", async (t) => {
    const dir = await project(t, "examples: [{ name: a, input: {} }]\n");
    await rename(join(dir, "config.yaml"), join(dir, "real.yaml"));
    await chmod(join(dir, "real.yaml"), 0o640);
    await symlink("real.yaml", join(dir, "config.yaml"));
    assert.equal((await runCli(["test", "--update"], { cwd: dir })).code, 0);
    assert.ok((await lstat(join(dir, "config.yaml"))).isSymbolicLink());
    assert.match(await readFile(join(dir, "real.yaml"), "utf8"), /output: /);
    assert.equal((await stat(join(dir, "real.yaml"))).mode & 0o777, 0o640);
  });

  it("a package has no config.yaml to update; in CI it warns", async (t) => {
    const dir = await project(t, "examples: [{ name: a, input: {} }]\n");
    assert.equal((await runCli(["build"], { cwd: dir })).code, 0);
    const run = await runCli(["test", ".purlin/package", "--update"], { cwd: dir });
    assert.equal(run.code, 2);
    assert.match(run.stderr, /in the config\.yaml of a project; this is a package/);
    const inCi = await runCli(["test", "--update"], { cwd: dir, env: { CI: "true" } });
    assert.equal(inCi.code, 0);
    assert.match(inCi.stderr, /CI is set, and --update takes whatever the model answers now for right/);
  });
});

describe("purlin test --only", () => {
  it("runs the one example, and names the nearest where there is no such", async (t) => {
    const dir = await project(
      t,
      "examples: [{ name: greeting, input: {} }, { name: broken, input: { fail: true } }]\n",
    );
    const run = await runCli(["test", "--only", "greeting", "--json"], { cwd: dir });
    assert.equal(run.code, 0);
    assert.deepEqual(
      (run.json() as Result).examples.map(({ name }) => name),
      ["greeting"],
    );
    const other = await runCli(["test", "--only", "greetings"], { cwd: dir });
    assert.equal(other.code, 2);
    assert.match(other.stderr, /There is no example "greetings"[\s\S]*Did you mean "greeting"\?/);
  });
});
