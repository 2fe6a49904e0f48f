// The config.yaml of the README's section on examples, as it stands there.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { makeProject } from "../helpers/build-project.ts";
import { runCli } from "../helpers/run-cli.ts";

const README = readFileSync(new URL("../../README.md", import.meta.url), "utf8");

const MODEL = (score: number): string => `import { HttpError } from "purlin";
export class Model {
  predict({ text }: { text: unknown }) {
    if (typeof text !== "string") throw new HttpError(400, "no text");
    return { words: text.split(" ").length, score: ${score}, vector: new Float32Array([0.1, 0.2, 0.3]) };
  }
}
`;

test("the examples of the README hold for a model that is near enough, and not for another one", async (t) => {
  const [, config] = README.split("```yaml config.yaml\n");
  assert.ok(config, "no such block");
  const files = { "config.yaml": config.split("```")[0] as string };
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
