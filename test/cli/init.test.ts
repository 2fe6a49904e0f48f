import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { runCli } from "../helpers/run-cli.ts";
import { tmpDir } from "../helpers/tmp-dir.ts";

describe("purlin init", () => {
  it("makes the minimal project and says what to type next", async (t) => {
    const cwd = await tmpDir(t);
    const run = await runCli(["init", "my model"], { cwd });
    assert.equal(run.code, 0, run.stderr);
    assert.match(
      run.stdout,
      /my-model[\s\S]*config\.yaml[\s\S]*Next:\n {2}cd 'my model'\n {2}purlin serve\n$/,
    );
    assert.equal((await runCli(["config", "check", "my model"], { cwd })).code, 0);
  });

  it("names npm install where the template has dependencies, in JSON too", async (t) => {
    const cwd = await tmpDir(t);
    const run = await runCli(["init", "--template", "onnx", "--name", "reader", "--yes", "--json"], { cwd });
    const result = run.json() as { model_name: string; files: string[]; next_steps: string[] };
    assert.equal(result.model_name, "reader");
    assert.ok(result.files.includes("package.json"));
    assert.deepEqual(result.next_steps, ["npm install", "purlin serve"]);
  });

  it("works in a folder with other files, twice over, and the types of purlin come along", async (t) => {
    const cwd = await tmpDir(t);
    await writeFile(join(cwd, "notes.txt"), "mine");
    for (const _ of [1, 2]) assert.equal((await runCli(["init", "."], { cwd })).code, 0);
    assert.ok((await readdir(cwd)).includes("notes.txt"));
    assert.match(
      await readFile(join(cwd, "purlin-env.d.ts"), "utf8"),
      /declare module "purlin" \{[\s\S]*class HttpError/,
    );
  });

  it("names the files that it would overwrite, and writes nothing", async (t) => {
    const cwd = await tmpDir(t);
    await writeFile(join(cwd, "config.yaml"), "mine");
    const text = await runCli(["init"], { cwd });
    assert.equal(text.code, 1);
    assert.match(text.stderr, /config\.yaml/);
    const { error } = (await runCli(["init", "--json"], { cwd })).json() as {
      error: Record<string, unknown>;
    };
    assert.deepEqual([error["code"], error["files"]], ["FILES_EXIST", ["config.yaml"]]);
    assert.deepEqual(await readdir(cwd), ["config.yaml"]);
  });

  it("--list names the templates, in JSON as name and description", async () => {
    const templates = (await runCli(["init", "--list", "--json"])).json() as Record<string, string>[];
    assert.deepEqual(
      templates.map(({ name }) => name),
      ["minimal", "onnx", "language", "chat", "voice", "typed"],
    );
    for (const template of templates) assert.deepEqual(Object.keys(template), ["name", "description"]);
  });

  it("an unknown template is answered with the nearest one", async (t) => {
    const run = await runCli(["init", "--template", "onxx"], { cwd: await tmpDir(t) });
    assert.equal(run.code, 1);
    assert.match(run.stderr, /Did you mean onnx\?/);
  });
});
