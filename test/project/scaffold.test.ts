import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { build } from "esbuild";
import { type AppError, isAppError } from "../../src/errors.ts";
import { configJsonSchema } from "../../src/project/config-json-schema.ts";
import { loadProject } from "../../src/project/load-project.ts";
import { scaffold, type ScaffoldOptions } from "../../src/project/scaffold.ts";
import { listTemplates } from "../../src/project/templates.ts";
import { makeTree, readTree } from "../helpers/make-tree.ts";
import { ROOT } from "../helpers/source-files.ts";
import { tmpDir } from "../helpers/tmp-dir.ts";
import { until } from "../helpers/until.ts";

/** Every byte, the model's mark among them: what lies in data/ is copied as it is. */
const BYTES = Buffer.concat([
  Buffer.from(Array.from({ length: 256 }, (_, n) => n)),
  Buffer.from("__MODEL_NAME__"),
]);

const TEMPLATE = {
  "template.json": '{ "name": "small", "description": "A small one", "order": 1 }',
  "config.yaml": "model_name: __MODEL_NAME__\n",
  "package.json": '{ "name": "__MODEL_NAME__", "dependencies": { "sharp": "1.0.0" } }\n',
  "model/model.ts": "export class Model { predict() {} }\n",
  "README.md": "# __MODEL_NAME__\n\npurlin serve __MODEL_NAME__\n",
  "picture.bin": BYTES,
  "data/weights.bin": BYTES,
  "data/names.txt": "__MODEL_NAME__",
  _gitignore: ".purlin/\n",
  "model/_purlinignore": "*.bak\n",
  "node_modules/x/index.js": "left behind by work on the template",
};

describe("scaffolding", () => {
  it("writes the template's files with the model's name, types and schema, and data to the byte", async (t) => {
    const options = await setUp(t);
    const { files, needsInstall } = await scaffold(options);
    const tree = await readTree(options.targetDir);
    assert.deepEqual(tree, {
      ".gitignore": ".purlin/\n",
      ".purlin/config.schema.json": `${JSON.stringify(configJsonSchema(), null, 2)}\n`,
      "README.md": "# reader\n\npurlin serve reader\n",
      "config.yaml": "# yaml-language-server: $schema=./.purlin/config.schema.json\nmodel_name: reader\n",
      "data/names.txt": "__MODEL_NAME__",
      "data/weights.bin": BYTES.toString("latin1"),
      "model/.purlinignore": "*.bak\n",
      "model/model.ts": "export class Model { predict() {} }\n",
      "package.json": '{ "name": "reader", "dependencies": { "sharp": "1.0.0" } }\n',
      "picture.bin": BYTES.toString("latin1"),
      "purlin-env.d.ts": "// types\n",
    });
    assert.deepEqual(
      files,
      Object.keys(tree)
        .filter((path) => path !== ".purlin/config.schema.json")
        .sort(),
    );
    assert.equal(needsInstall, true);
  });

  it("what it writes is a valid project", async (t) => {
    const options = await setUp(t);
    await scaffold(options);
    assert.equal((await loadProject(options.targetDir)).config.model_name, "reader");
  });

  it("again over its own result changes nothing and writes nothing", async (t) => {
    const options = await setUp(t);
    await scaffold(options);
    const before = await stat(join(options.targetDir, "config.yaml"));
    await scaffold(options);
    assert.equal((await stat(join(options.targetDir, "config.yaml"))).mtimeMs, before.mtimeMs);
  });

  it("a folder with other files is no obstacle", async (t) => {
    const options = await setUp(t);
    await makeTree(options.targetDir, { "scaffold.sh": "echo", "src/a.ts": "a", "model/helper.ts": "b" });
    await scaffold(options);
    const tree = await readTree(options.targetDir);
    assert.deepEqual([tree["scaffold.sh"], tree["src/a.ts"], tree["model/helper.ts"]], ["echo", "a", "b"]);
  });

  it("files that would be overwritten are all named, and nothing is written", async (t) => {
    const options = await setUp(t);
    const mine = { "README.md": "mine", "config.yaml": "model_name: mine\n", ".gitignore": ".purlin/\n" };
    await makeTree(options.targetDir, mine);
    const error = await failure(scaffold(options));
    assert.equal(error.code, "FILES_EXIST");
    assert.deepEqual(error.data["files"], ["README.md", "config.yaml"]);
    assert.deepEqual(
      error.problems.map(({ location }) => location?.file),
      ["README.md", "config.yaml"],
    );
    assert.deepEqual(await readTree(options.targetDir), mine);
  });

  it("a file in place of a folder, a folder in place of a file and a link that leads nowhere are named", async (t) => {
    const options = await setUp(t);
    await makeTree(options.targetDir, { model: "file", "README.md/x": "y", ".purlin": "file" });
    await symlink("nowhere", join(options.targetDir, "package.json"));
    const error = await failure(scaffold(options));
    assert.deepEqual(
      new Set(error.data["files"] as string[]),
      new Set([".purlin", "README.md", "model", "package.json"]),
    );
  });

  it("a file as target is named", async (t) => {
    const options = await setUp(t);
    await writeFile(options.targetDir, "");
    assert.deepEqual((await failure(scaffold(options))).data["files"], [options.targetDir]);
  });

  it("an unknown template is answered with those that there are", async (t) => {
    const error = await failure(scaffold({ ...(await setUp(t)), template: "smal" }));
    assert.deepEqual([error.code, error.data["templates"]], ["TEMPLATE_UNKNOWN", ["small"]]);
    assert.match(error.hint ?? "", /Did you mean small\?/);
  });

  it("killed anywhere and run again, it gives the same tree", async (t) => {
    const options = await setUp(t);
    const many = Object.fromEntries(
      Array.from({ length: 400 }, (_, n) => [`data/part-${n}.txt`, `${n}\n`.repeat(50)]),
    );
    await makeTree(join(options.templatesDir, "small"), many);
    await scaffold(options);
    const wanted = await readTree(options.targetDir);
    const program = await bundle(t);
    let cut = 0;
    for (const count of [0, 1, 40, 150, 300, 400]) {
      await rm(options.targetDir, { recursive: true });
      await mkdir(options.targetDir);
      await killAt(program, options, count);
      const left = await readTree(options.targetDir);
      if (Object.keys(left).length < Object.keys(wanted).length) cut += 1;
      await scaffold(options);
      assert.deepEqual(await readTree(options.targetDir), wanted);
    }
    assert.ok(cut > 0, "no run was cut off in the middle");
  });

  it(
    "the folder's own permissions are respected",
    { skip: process.getuid?.() === 0 ? "root may write anywhere" : false },
    async (t) => {
      const options = await setUp(t);
      await mkdir(options.targetDir);
      await chmod(options.targetDir, 0o500);
      t.after(() => chmod(options.targetDir, 0o700));
      await assert.rejects(scaffold(options), { code: "EACCES" });
    },
  );
});

describe("the list of templates", () => {
  it("is in the order that they give, without folders that are none", async (t) => {
    const dir = await tmpDir(t);
    await makeTree(dir, {
      "b/template.json": '{ "name": "b", "description": "B", "order": 1 }',
      "a/template.json": '{ "name": "a", "description": "A", "order": 2 }',
      "work/notes.md": "",
    });
    assert.deepEqual(
      (await listTemplates(dir)).map(({ name }) => name),
      ["b", "a"],
    );
  });

  it("each of Purlin's own is named after its folder, and makes a valid project", async (t) => {
    const templatesDir = join(ROOT, "templates");
    const templates = await listTemplates(templatesDir);
    assert.equal(templates[0]?.name, "minimal");
    for (const { name, description, dir } of templates) {
      assert.equal(dir, join(templatesDir, name));
      assert.match(description, /\S.{20}/);
      const targetDir = join(await tmpDir(t), "p");
      const { files } = await scaffold({
        templatesDir,
        template: name,
        targetDir,
        name: "reader",
        envTypes: "",
      });
      const { config } = await loadProject(targetDir);
      assert.equal(config.model_name, "reader", name);
      assert.ok(config.examples.length > 0 || files.some((file) => file.startsWith("model/")), name);
      assert.equal(files.includes("template.json"), false);
      assert.match(
        await readFile(join(targetDir, "config.yaml"), "utf8"),
        /^# yaml-language-server: \$schema=\.\//,
      );
    }
  });
});

async function setUp(t: TestContext): Promise<ScaffoldOptions> {
  const dir = await tmpDir(t);
  const templatesDir = join(dir, "templates");
  await makeTree(join(templatesDir, "small"), TEMPLATE);
  return {
    templatesDir,
    template: "small",
    targetDir: join(dir, "my reader"),
    name: "reader",
    envTypes: "// types\n",
  };
}

async function failure(promise: Promise<unknown>): Promise<AppError> {
  const error = await promise.then(
    () => assert.fail("it was done"),
    (thrown: unknown) => thrown,
  );
  assert.ok(isAppError(error), String(error));
  return error;
}

async function bundle(t: TestContext): Promise<string> {
  const dir = await tmpDir(t);
  await symlink(join(ROOT, "node_modules"), join(dir, "node_modules"));
  const contents = `import { scaffold } from ${JSON.stringify(join(ROOT, "src/project/scaffold.ts"))};
    await scaffold(JSON.parse(process.argv[2]));`;
  const stdin = { contents, resolveDir: ROOT };
  const outfile = join(dir, "scaffold.mjs");
  await build({ stdin, outfile, bundle: true, packages: "external", platform: "node", format: "esm" });
  return outfile;
}

/** Runs it until so many files are there, then ends it without a warning. */
async function killAt(program: string, options: ScaffoldOptions, count: number): Promise<void> {
  const child = spawn(process.execPath, [program, JSON.stringify(options)], { stdio: "ignore" });
  const ended = once(child, "exit");
  const parts = join(options.targetDir, "data");
  await until(async () => child.exitCode !== null || (await readdir(parts).catch(() => [])).length >= count, {
    interval: 1,
    what: `${count} files`,
  });
  child.kill("SIGKILL");
  await ended;
}
