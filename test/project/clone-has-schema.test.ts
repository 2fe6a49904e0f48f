// git ignores .purlin/, so a clone has no schema for its editor until a command has read config.yaml.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { loadProject } from "../../src/project/load-project.ts";
import { configJsonSchema } from "../../src/project/config-json-schema.ts";
import { makeProject } from "../helpers/build-project.ts";

const LINE = "# yaml-language-server: $schema=./.purlin/config.schema.json\n";
const schemaOf = (dir: string): string => join(dir, ".purlin/config.schema.json");

test("reading a config.yaml that points to the schema writes it", async (t) => {
  const dir = await makeProject(t, { "config.yaml": `${LINE}model_name: cloned\n` });
  await loadProject(dir);
  assert.deepEqual(JSON.parse(await readFile(schemaOf(dir), "utf8")), configJsonSchema());
});

test("a config.yaml with a mistake gets it, too: that is where an editor helps", async (t) => {
  const dir = await makeProject(t, { "config.yaml": `${LINE}model_nam: cloned\n` });
  await assert.rejects(loadProject(dir));
  assert.ok(existsSync(schemaOf(dir)));
});

test("a config.yaml that does not point to it leaves the folder as it is", async (t) => {
  const dir = await makeProject(t, { "config.yaml": "model_name: cloned\n" });
  await loadProject(dir);
  assert.ok(!existsSync(schemaOf(dir)));
});

test("a folder where it cannot be written is read all the same", async (t) => {
  const dir = await makeProject(t, { "config.yaml": `${LINE}model_name: cloned\n`, ".purlin": "a file" });
  assert.equal((await loadProject(dir)).config.model_name, "cloned");
});
