// The model and the config of the README's section on batches, as they stand there.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { makeProject } from "../helpers/build-project.ts";
import { spawnCli } from "../helpers/spawn-cli.ts";

const README = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
const [, section = ""] = README.split("\n## Under load\n");
const block = (language: string): string =>
  section.split(`\n\`\`\`${language}\n`)[1]?.split("\n```")[0] as string;

test("the batching model of the README builds, and its rows are each caller's own", async (t) => {
  const dir = await makeProject(t, {
    "config.yaml": `model_name: sums\n${block("yaml")}\n`,
    "model/model.ts": block("ts"),
  });
  const served = spawnCli(t, ["serve", "--port", "0"], { cwd: dir });
  const [, url] = await served.waitFor(/listening on (http:\S+)/);
  await served.waitFor(/^ready$/m);
  const answers = await Promise.all(
    [[1, 2], [3], [4, 5, 6]].map(async (row) => {
      const response = await fetch(`${url}/predict`, { method: "POST", body: JSON.stringify(row) });
      return response.json();
    }),
  );
  assert.deepEqual(answers, [3, 3, 15]);
});
