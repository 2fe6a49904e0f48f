import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, rename, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { promisify } from "node:util";
import { build } from "esbuild";
import { type AppError, isAppError } from "../../src/errors.ts";
import { loadConfig } from "../../src/project/load-config.ts";
import { loadProject } from "../../src/project/load-project.ts";
import { makeTree } from "../helpers/make-tree.ts";
import { ROOT } from "../helpers/source-files.ts";
import { tmpDir } from "../helpers/tmp-dir.ts";

const MODEL = "export class Model { predict() {} }\n";

describe("loading a project", () => {
  it("gives the config, its text, the model file and the data folder", async (t) => {
    const dir = await project(t, {
      "config.yaml": "model_name: a\n",
      "model/model.ts": MODEL,
      "data/x.txt": "x",
    });
    const { config, ...rest } = await loadProject(dir);
    assert.equal(config.model_name, "a");
    assert.deepEqual(rest, {
      dir,
      configText: "model_name: a\n",
      modelFile: join(dir, "model/model.ts"),
      dataDir: join(dir, "data"),
      warnings: [],
    });
  });

  it("a project without data, in a folder with spaces and unicode, behind a link", async (t) => {
    const dir = await project(t, { "My Modèl/config.yaml": "", "My Modèl/model/model.ts": MODEL });
    await symlink(join(dir, "My Modèl"), join(dir, "link"));
    const { config, dataDir, ...rest } = await loadProject(join(dir, "link"));
    assert.deepEqual([config.model_name, dataDir, rest.dir], ["my-model", null, join(dir, "My Modèl")]);
  });

  it("where config.yaml is missing, its misspelt neighbour is named", async (t) => {
    const dir = await project(t, { "config.yml": "", "model/model.ts": MODEL });
    const error = await failure(loadProject(dir));
    assert.equal(error.code, "CONFIG_NOT_FOUND");
    assert.match(error.hint ?? "", /config\.yml: rename it to config\.yaml/);
  });

  it("where there is no project, init is named; where there is no folder, that is said", async (t) => {
    const dir = await project(t, {});
    const empty = await failure(loadProject(dir));
    assert.deepEqual([empty.code, /purlin init/.test(empty.hint ?? "")], ["CONFIG_NOT_FOUND", true]);
    const missing = await failure(loadProject(join(dir, "nothing")));
    assert.deepEqual([missing.code, /no folder .*nothing/.test(missing.message)], ["CONFIG_NOT_FOUND", true]);
  });

  it("config.yaml that is a folder, too long or no UTF-8 is an error of its own", async (t) => {
    const dir = await project(t, {
      "a/config.yaml/x": "",
      "c/config.yaml": Buffer.from("a: b\nc: \xff\n", "latin1"),
    });
    assert.equal((await failure(loadConfig(join(dir, "a")))).code, "CONFIG_NOT_FOUND");
    await makeTree(dir, { "b/config.yaml": `description: ${"x".repeat(1024 ** 2)}\n` });
    const long = await failure(loadConfig(join(dir, "b")));
    assert.deepEqual([long.code, /at most 1048576/.test(long.message)], ["CONFIG_INVALID", true]);
    const broken = await failure(loadConfig(join(dir, "c")));
    assert.deepEqual(
      [broken.code, broken.problems[0]?.location?.line, broken.problems[0]?.location?.column],
      ["CONFIG_INVALID", 2, 4],
    );
  });

  for (const [name, file, hint] of [
    ["of another extension", "model/model.js", /model\/model\.js.*model_class_filename: model\.js/],
    ["in another case", "model/Model.ts", /model\/Model\.ts/],
    ["misspelt", "model/modle.ts", /model\/modle\.ts/],
    ["beside config.yaml", "model.ts", /model_module_dir: \. and/],
    ["in another folder", "src/model.ts", /model_module_dir: src/],
    ["nowhere", "model/README.md", /export class Model/],
  ] as const) {
    it(`a model file that is ${name} is named in the hint`, async (t) => {
      const dir = await project(t, { "config.yaml": "", [file]: MODEL });
      const error = await failure(loadProject(dir));
      assert.equal(error.code, "MODEL_NOT_FOUND");
      assert.match(error.message, /model\/model\.ts/);
      assert.match(error.hint ?? "", hint);
    });
  }

  it("a folder in place of the model file is told", async (t) => {
    const dir = await project(t, { "config.yaml": "", "model/model.ts/index.ts": MODEL });
    assert.match((await failure(loadProject(dir))).message, /folder of that name/);
  });

  it("a data folder that config.yaml names must be there, and be a folder", async (t) => {
    const dir = await project(t, { "config.yaml": "data_dir: weights\n", "model/model.ts": MODEL });
    const missing = await failure(loadProject(dir));
    assert.deepEqual(
      [missing.code, missing.problems[0]?.location?.line, missing.problems[0]?.location?.column],
      ["CONFIG_INVALID", 1, 11],
    );
    await writeFile(join(dir, "weights"), "");
    assert.match((await failure(loadProject(dir))).problems[0]?.message ?? "", /which is a file/);
  });

  it("a data folder that is a link is fine within the project and refused out of it", async (t) => {
    const dir = await project(t, {
      "p/config.yaml": "",
      "p/model/model.ts": MODEL,
      "p/assets/x": "",
      "outside/x": "",
    });
    await symlink("assets", join(dir, "p/data"));
    assert.equal((await loadProject(join(dir, "p"))).dataDir, join(dir, "p/assets"));
    await rename(join(dir, "p/data"), join(dir, "p/old"));
    await symlink("../outside", join(dir, "p/data"));
    assert.equal((await failure(loadProject(join(dir, "p")))).code, "LINK_OUTSIDE");
  });

  it("a process that only refuses a bad config.yaml is done in 200 ms, on a machine that starts Node in 40", async (t) => {
    const dir = await project(t, { "config.yaml": "runtime: {wokers: 1}\nautoscaling: 5\n" });
    const program = await bundle(t, join(ROOT, "src/project/load-project.ts"));
    const ask = `import { loadProject } from ${JSON.stringify(program)};
      try { await loadProject(${JSON.stringify(dir)}); } catch (error) { console.log(error.problems.length); }`;
    const bare: number[] = [];
    const asked: number[] = [];
    // In turns, so that what else the machine does weighs on both.
    for (let run = 0; run < 5; run += 1) {
      bare.push(await timeNode("0", ""));
      asked.push(await timeNode(ask, "2\n"));
    }
    const limit = Math.max(200, 5 * Math.min(...bare));
    assert.ok(
      Math.min(...asked) < limit,
      `${asked.map(Math.round).join(", ")} against ${bare.map(Math.round).join(", ")}`,
    );
  });
});

/** Milliseconds of a process of its own that runs a module and prints what is expected. */
async function timeNode(code: string, expected: string): Promise<number> {
  const start = performance.now();
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", code]);
  assert.equal(stdout, expected);
  return performance.now() - start;
}

async function project(t: TestContext, files: Record<string, string | Uint8Array>): Promise<string> {
  const dir = await tmpDir(t);
  await makeTree(dir, files);
  return dir;
}

async function failure(promise: Promise<unknown>): Promise<AppError> {
  const error = await promise.then(
    () => assert.fail("it was taken"),
    (thrown: unknown) => thrown,
  );
  assert.ok(isAppError(error), String(error));
  return error;
}

/** As dist/ has it: one file, with packages beside it. */
async function bundle(t: TestContext, entry: string): Promise<string> {
  const dir = await tmpDir(t);
  await mkdir(join(dir, "dist"));
  await symlink(join(ROOT, "node_modules"), join(dir, "node_modules"));
  const outfile = join(dir, "dist/program.mjs");
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    packages: "external",
    platform: "node",
    format: "esm",
  });
  return outfile;
}
