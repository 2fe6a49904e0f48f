import assert from "node:assert/strict";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { runCli } from "../helpers/run-cli.ts";
import { tmpDir } from "../helpers/tmp-dir.ts";

const MODEL = `import labels from "./labels.ts";
export class Model {
  predict(input: string) {
    return labels[input] ?? null;
  }
}
`;

async function project(t: TestContext, model = MODEL): Promise<string> {
  const dir = await tmpDir(t);
  await mkdir(join(dir, "model"));
  await mkdir(join(dir, "data"));
  await writeFile(join(dir, "config.yaml"), "model_name: built\n");
  await writeFile(join(dir, "model/model.ts"), model);
  await writeFile(join(dir, "model/labels.ts"), "export default { a: 1 } as Record<string, number>;\n");
  await writeFile(join(dir, "data/weights.bin"), "weights");
  await writeFile(join(dir, "data/.env"), "SECRET=1");
  return dir;
}

interface Json {
  package: string;
  path: string;
  files: number;
  bytes: number;
  cached: boolean;
  warnings: { message: string; file?: string }[];
  list: { path: string; bytes: number; rule: string }[];
  error: { code: string; message: string; hint: string | null; problems?: Record<string, unknown>[] };
}

describe("purlin build", () => {
  it("prints the digest on a line of its own, and all of it as JSON with keys in snake_case", async (t) => {
    const cwd = await project(t);
    const json = (await runCli(["build", "--json"], { cwd })).json() as Json;
    assert.match(json.package, /^sha256:[0-9a-f]{64}$/);
    assert.equal(json.path, join(cwd, ".purlin/package"));
    assert.ok(json.files > 3 && json.bytes > 1000);
    assert.ok(json.warnings.some(({ file }) => file === "data/.env"));
    assertSnakeCase(json);
    const text = await runCli(["build"], { cwd });
    assert.equal(text.stdout.split("\n")[0], json.package);
    assert.match(text.stderr, /warning .*data\/\.env/);
  });

  it("--list names every file with its size and the rule that put it there", async (t) => {
    const cwd = await project(t);
    const json = (await runCli(["build", "--list", "--json"], { cwd })).json() as Json;
    assert.equal(json.list.length, json.files);
    for (const { rule, bytes } of json.list) assert.ok(rule.length > 0 && bytes >= 0);
    assert.ok(json.list.some(({ path }) => path === "data/weights.bin"));
    const text = await runCli(["build", "--list"], { cwd });
    for (const { path } of json.list) assert.ok(text.stdout.includes(path), path);
  });

  it("--verify loads the packed tree, and says what keeps it from loading", async (t) => {
    const good = await runCli(["build", "--verify"], { cwd: await project(t) });
    assert.equal(good.code, 0, good.stderr);
    assert.match(good.stdout, /^verified/m);
    const model = `export class Model {\n  load() {\n    throw new Error("cannot load");\n  }\n  predict() {}\n}\n`;
    const cwd = await project(t, model);
    await writeFile(join(cwd, "config.yaml"), "model_name: built\nruntime: { load_retries: 0 }\n");
    const bad = (await runCli(["build", "--verify", "--json"], { cwd })).json() as Json;
    assert.equal(bad.error.code, "VERIFY_FAILED");
    assert.match(bad.error.message, /cannot load/);
  });

  it("code that does not bundle is shown with its place, and no stack of ours", async (t) => {
    const cwd = await project(t, "export class Model {\n  predict( {\n}\n");
    const text = await runCli(["build"], { cwd });
    assert.equal(text.code, 1);
    assert.match(text.stderr, /model\/model\.ts:\d+:\d+[\s\S]*\d+ \| [\s\S]*\^/);
    assert.doesNotMatch(text.stderr, /\n\s+at .*purlin|node_modules/);
    const { error } = (await runCli(["build", "--json"], { cwd })).json() as Json;
    assert.equal(error.code, "BUILD_FAILED");
    assert.equal(error.problems?.[0]?.["file"], "model/model.ts");
    assertSnakeCase(error);
  });

  it("each kind of broken project ends with 1 and a code", async (t) => {
    const cases: [string, (dir: string) => Promise<void>, string][] = [
      ["config", (dir) => writeFile(join(dir, "config.yaml"), "runtme: {}\n"), "CONFIG_INVALID"],
      [
        "secret",
        (dir) => writeFile(join(dir, "config.yaml"), "secrets: { a: hunter2 }\n"),
        "SECRET_IN_CONFIG",
      ],
      [
        "file",
        (dir) => writeFile(join(dir, "config.yaml"), "model_class_filename: no.ts\n"),
        "MODEL_NOT_FOUND",
      ],
      [
        "class",
        (dir) => writeFile(join(dir, "model/model.ts"), "export class Other { predict() {} }"),
        "MODEL_NOT_FOUND",
      ],
      ["rule", (dir) => writeFile(join(dir, "model/model.ts"), "export class Model {}"), "MODEL_INVALID"],
      [
        "package",
        (dir) => writeFile(join(dir, "model/model.ts"), 'import "not-there";\n' + MODEL),
        "PACKAGE_MISSING",
      ],
      ["link", (dir) => symlink("/etc/hostname", join(dir, "data/link")), "LINK_OUTSIDE"],
    ];
    for (const [name, breakIt, code] of cases) {
      const cwd = await project(t);
      await breakIt(cwd);
      const run = await runCli(["build", "--json"], { cwd });
      assert.equal(run.code, 1, `${name}: ${run.stdout}`);
      assert.equal((run.json() as Json).error.code, code, run.stdout);
      assert.doesNotMatch(run.stdout + run.stderr, /hunter2/);
    }
  });

  it("a target that is none is answered with those that there are", async (t) => {
    const run = await runCli(["build", "--target", "plan9-mips"], { cwd: await project(t) });
    assert.equal(run.code, 1);
    assert.match(run.stderr, /plan9-mips[\s\S]*linux-x64/);
  });
});

function assertSnakeCase(value: unknown, path = ""): void {
  if (typeof value !== "object" || value === null) return;
  for (const [key, child] of Object.entries(value)) {
    if (!Array.isArray(value)) assert.match(key, /^[a-z0-9_]+$/, `${path}.${key}`);
    assertSnakeCase(child, `${path}.${key}`);
  }
}
