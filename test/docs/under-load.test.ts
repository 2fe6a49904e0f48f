// The model and the config of the guide to many requests, as they stand there.
import assert from "node:assert/strict";
import { test } from "node:test";
import { makeProject } from "../helpers/build-project.ts";
import { codeBlock, readDoc } from "../helpers/read-doc.ts";
import { spawnCli } from "../helpers/spawn-cli.ts";

const PAGE = readDoc("guides/under-load.md");

test("the batching model of the guide builds, and its rows are each caller's own", async (t) => {
  const dir = await makeProject(t, {
    "config.yaml": `model_name: sums\n${codeBlock(PAGE, "yaml")}\n`,
    "model/model.ts": codeBlock(PAGE, "ts"),
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
