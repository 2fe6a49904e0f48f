import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { it } from "node:test";
import { buildProject, makeProject } from "../helpers/build-project.ts";
import { editFile } from "../helpers/edit-file.ts";
import { runCli } from "../helpers/run-cli.ts";

const TYPED = "export class Model {\n  predict(input: { text: string }) {\n    return input.text;\n  }\n}\n";
const CHECKED = "model_name: test\nruntime:\n  validate_types: true\n";
const schemaIn = (path: string): string => join(path, "code/purlin-types.json");

it("validate_types where a type tells nothing is refused, with the method and its place", async (t) => {
  const dir = await makeProject(t, { "config.yaml": CHECKED });
  const built = await runCli(["build", dir, "--json"]);
  assert.equal(built.code, 1);
  const { error } = built.json() as { error: { code: string; message: string; hint: string } };
  assert.equal(error.code, "MODEL_INVALID");
  assert.match(error.message, /runtime\.validate_types cannot hold: predict's input is unknown/);
  assert.match(error.hint, /static input/);
  const shown = await runCli(["build", dir]);
  assert.match(shown.stderr, /model\/model\.ts:2:3/);
});

it("validate_types and the websocket transport are refused together", async (t) => {
  const config = `${CHECKED}  transport: { kind: websocket }\n`;
  const dir = await makeProject(t, { "config.yaml": config });
  const checked = await runCli(["config", "check", dir]);
  assert.equal(checked.code, 1);
  assert.match(
    checked.stderr + checked.stdout,
    /validate_types.*cannot be used with the websocket transport/,
  );
});

it("a package without telling types has no schema; errors of types do not fail a build", async (t) => {
  const plain = await buildProject(await makeProject(t));
  assert.equal(existsSync(schemaIn(plain.path)), false);
  const broken = await makeProject(t, {
    "model/model.ts": "export class Model { predict(input: { a: Gone; b: string }): number { return 'x'; } }",
  });
  const { path, warnings } = await buildProject(broken);
  assert.deepEqual(warnings, []);
  const { methods } = JSON.parse(readFileSync(schemaIn(path), "utf8")) as {
    methods: { predict: { input: { properties: object } } };
  };
  assert.deepEqual(methods.predict.input.properties, { a: {}, b: { type: "string" } });
});

it("a change in a file that holds only types makes another package, with and without a cache", async (t) => {
  const files = {
    "model/types.ts": "export interface Input { text: string }\n",
    "model/model.ts":
      'import type { Input } from "./types.ts";\nexport class Model { predict(input: Input) { return 1; } }\n',
  };
  const dir = await makeProject(t, files);
  const first = await buildProject(dir);
  await editFile(join(dir, "model/types.ts"), "text: string", "text: string; more?: number");
  const second = await buildProject(dir);
  assert.notEqual(second.package, first.package);
  assert.match(readFileSync(schemaIn(second.path), "utf8"), /"more"/);
  await editFile(join(dir, "model/types.ts"), "; more?: number", "");
  assert.equal((await buildProject(dir)).package, first.package);
  const elsewhere = await buildProject(await makeProject(t, files));
  assert.equal(elsewhere.package, first.package);
});

it("what is imported and not there yet is looked for again", async (t) => {
  const dir = await makeProject(t, {
    "model/model.ts":
      'import type { Input } from "./later.ts";\nexport class Model { predict(input: Input): string { return ""; } }\n',
  });
  const before = await buildProject(dir);
  writeFileSync(join(dir, "model/later.ts"), "export interface Input { now: 1 }\n");
  const after = await buildProject(dir);
  assert.notEqual(after.package, before.package);
  assert.match(readFileSync(schemaIn(after.path), "utf8"), /"now"/);
});

it("types are read once: a build after a change elsewhere takes them from the cache", async (t) => {
  const dir = await makeProject(t, { "model/model.ts": TYPED, "data/a.txt": "one" });
  await buildProject(dir);
  const memory = join(dir, ".purlin/cache/types.json");
  const known = JSON.parse(readFileSync(memory, "utf8")) as { read: { types: { methods: object } } };
  known.read.types.methods = { predict: { input: { const: "from the cache" } } };
  writeFileSync(memory, JSON.stringify(known));
  await editFile(join(dir, "data/a.txt"), "one", "another");
  const { path } = await buildProject(dir);
  assert.match(readFileSync(schemaIn(path), "utf8"), /from the cache/);
});
