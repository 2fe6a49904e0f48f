// The config.yaml of the guide to examples, as it stands there.
import assert from "node:assert/strict";
import { test } from "node:test";
import { makeProject } from "../helpers/build-project.ts";
import { codeBlock, readDoc } from "../helpers/read-doc.ts";
import { runCli } from "../helpers/run-cli.ts";

const MODEL = (score: number): string => `import { HttpError } from "purlin";
export class Model {
  predict({ text }: { text: unknown }) {
    if (typeof text !== "string") throw new HttpError(400, "no text");
    return { words: text.split(" ").length, score: ${score}, vector: new Float32Array([0.1, 0.2, 0.3]) };
  }
}
`;

test("the examples of the guide hold for a model that is near enough, and not for another one", async (t) => {
  const files = { "config.yaml": codeBlock(readDoc("guides/examples.md"), "yaml config.yaml") };
  const near = await makeProject(t, { ...files, "model/model.ts": MODEL(0.61005) });
  const run = await runCli(["test", near]);
  assert.equal(run.code, 0, run.stdout + run.stderr);
  assert.match(run.stdout, /3 passed, 0 failed/);
  const far = await makeProject(t, { ...files, "model/model.ts": MODEL(0.6102) });
  const other = await runCli(["test", far]);
  assert.equal(other.code, 1);
  assert.match(other.stdout, /2 passed, 1 failed/);
  assert.match(other.stdout, /score is 0\.6102, expected about 0\.61/);
});
