import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { it, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { TypesReader } from "../../src/types/types-reader.ts";
import { makeTree } from "../helpers/make-tree.ts";
import { tmpDir } from "../helpers/tmp-dir.ts";

const MODEL = `import { helper } from "./helper.ts";
const LABELS = ["a", "b"] as const;
export class Model {
  count = 0;
  constructor() { this.count = 1; }
  predict(input: { text: string }): { label: (typeof LABELS)[number] } { return { label: LABELS[0] }; }
  embeddings(input: { text: string }) { return [helper(input.text)]; }
}
`;
const HELPER =
  "export const helper = (text: string) => text.length;\nexport function other(): number { return 1; }\n";

async function open(t: TestContext) {
  const projectDir = await tmpDir(t);
  await makeTree(projectDir, { "model/model.ts": MODEL, "model/helper.ts": HELPER });
  const reader = new TypesReader();
  t.after(() => reader.dispose());
  const modelFile = join(projectDir, "model/model.ts");
  const source = { projectDir, modelFile, className: "Model", checks: false };
  const read = await reader.read(source);
  const path = (name: string): string => join(projectDir, "model", name);
  return { reader, source, read, path };
}

it("an edit is told by what it can do to types: nothing, something that is inferred, anything", async (t) => {
  const { reader, path } = await open(t);
  const edits: [expected: string, file: string, from: string, to: string][] = [
    ["none", "model.ts", "LABELS[0]", "LABELS[1]"],
    ["none", "model.ts", "this.count = 1", "this.count = 2"],
    ["none", "helper.ts", "return 1", "return 2"],
    ["inferred", "model.ts", "[helper(input.text)]", "{ v: helper(input.text) }"],
    ["inferred", "helper.ts", "text.length", "[text.length]"],
    ["any", "model.ts", '["a", "b"]', '["a", "c"]'],
    ["any", "model.ts", "{ text: string }", "{ text: number }"],
    ["any", "model.ts", "export class", "/** Said of it. */ export class"],
    ["any", "helper.ts", "(text: string)", "(text: number)"],
  ];
  for (const [expected, file, from, to] of edits) {
    const text = (file === "model.ts" ? MODEL : HELPER).replace(from, to);
    assert.equal(await reader.compare([[path(file), text]]), expected, `${from} -> ${to}`);
  }
  assert.equal(await reader.compare([[path("helper.ts"), null]]), "any");
  assert.equal(await reader.compare([[path("new.ts"), "export {};"]]), "any");
});

it("reading again sees what was saved, and gives what a fresh reader gives", async (t) => {
  const { reader, source, read, path } = await open(t);
  const other = MODEL.replace("{ text: string }", "{ text: string; more?: boolean }");
  writeFileSync(path("model.ts"), other);
  const again = await reader.read(source);
  assert.notDeepEqual(again.types, read.types);
  const fresh = new TypesReader();
  t.after(() => fresh.dispose());
  assert.equal(JSON.stringify((await fresh.read(source)).types), JSON.stringify(again.types));
  writeFileSync(path("model.ts"), MODEL);
  assert.equal(JSON.stringify((await reader.read(source)).types), JSON.stringify(read.types));
});

it("what was asked of a thread that is ended fails; an idle one keeps no process alive", async (t) => {
  const { reader, source, path } = await open(t);
  const asked = reader.read(source);
  const failed = assert.rejects(asked, /has ended/);
  await reader.dispose();
  await failed;
  const script = `
    import { TypesReader } from ${JSON.stringify(fileURLToPath(new URL("../../src/types/types-reader.ts", import.meta.url)))};
    const { types } = await new TypesReader().read(${JSON.stringify(source)});
    console.log(Object.keys(types.methods).join());`;
  const file = path("ask.mts");
  writeFileSync(file, script);
  const tsx = fileURLToPath(new URL("../../node_modules/tsx/dist/cli.mjs", import.meta.url));
  const ended = spawnSync(process.execPath, [tsx, file], { encoding: "utf8", timeout: 30_000 });
  assert.deepEqual([ended.status, ended.stdout], [0, "predict,embeddings\n"], ended.stderr);
});
