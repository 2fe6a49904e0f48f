import assert from "node:assert/strict";
import { basename, join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { init, initTemplates } from "../../src/actions/init.ts";
import { loadProject } from "../../src/project/load-project.ts";
import { makeTree } from "../helpers/make-tree.ts";
import { ROOT } from "../helpers/source-files.ts";
import { tmpDir } from "../helpers/tmp-dir.ts";

describe("init", () => {
  it("into a new folder: says what was made and what to type next", async (t) => {
    const { cwd, options } = await setUp(t);
    const result = await init({ ...options, targetDir: "My Reader" });
    assert.deepEqual(
      { dir: result.dir, template: result.template, model_name: result.model_name },
      { dir: join(cwd, "My Reader"), template: "minimal", model_name: "my-reader" },
    );
    assert.deepEqual(result.next_steps, ["cd 'My Reader'", "purlin serve"]);
    assert.ok(result.files.includes("config.yaml") && result.files.includes("model/model.ts"));
    assert.equal((await loadProject(result.dir)).config.model_name, "my-reader");
  });

  it("into the current folder, beside what is there", async (t) => {
    const { cwd, options } = await setUp(t);
    await makeTree(cwd, { "notes.txt": "mine" });
    const result = await init({ ...options, targetDir: "." });
    assert.equal(result.dir, cwd);
    assert.equal(result.model_name, (await loadProject(cwd)).config.model_name);
    assert.equal(
      result.next_steps.some((step) => step.startsWith("cd ")),
      false,
    );
    assert.ok(basename(cwd).toLowerCase().startsWith(result.model_name.slice(0, 6)));
  });

  it("a template with dependencies has npm install among the next steps", async (t) => {
    const { cwd, options } = await setUp(t);
    const templatesDir = join(cwd, "templates");
    await makeTree(join(templatesDir, "with"), {
      "template.json": '{ "name": "with", "description": "With dependencies", "order": 1 }',
      "package.json": '{ "dependencies": { "sharp": "1.0.0" } }',
      "config.yaml": "",
    });
    const result = await init({ ...options, templatesDir, template: "with", targetDir: "a", name: "b" });
    assert.deepEqual([result.model_name, result.next_steps], ["b", ["cd a", "npm install", "purlin serve"]]);
  });

  it("a name that is not valid is refused before anything is written, with one that is", async (t) => {
    const { options } = await setUp(t);
    await assert.rejects(
      init({ ...options, targetDir: "a", name: "My_Model" }),
      (error: Error & { code?: string; hint?: string }) => {
        assert.equal(error.code, "NAME_INVALID");
        assert.match(error.hint ?? "", /--name my-model/);
        return true;
      },
    );
  });

  it("lists templates by name and description alone", async () => {
    const templates = await initTemplates(join(ROOT, "templates"));
    assert.equal(templates[0]?.name, "minimal");
    for (const template of templates) assert.deepEqual(Object.keys(template), ["name", "description"]);
  });
});

async function setUp(t: TestContext) {
  const cwd = await tmpDir(t);
  return { cwd, options: { cwd, templatesDir: join(ROOT, "templates"), envTypes: "// types\n" } };
}
