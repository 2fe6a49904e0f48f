import assert from "node:assert/strict";
import { it } from "node:test";
import type { AppError } from "../../src/errors.ts";
import { buildProject, makeProject } from "../helpers/build-project.ts";

it("an input that would not be in the package is refused where config.yaml names it", async (t) => {
  const dir = await makeProject(t, {
    "config.yaml": `model_name: m
data_dir: samples
examples:
  - { name: there, input_file: in/a.json }
  - { name: misspelt, input_file: in/b.jsn }
  - { name: left out, input_file: in/c.pem }
`,
    "samples/in/a.json": "1",
    "samples/in/b.json": "1",
    "samples/in/c.pem": "1",
  });
  await assert.rejects(buildProject(dir), (error: AppError) => {
    assert.equal(error.code, "CONFIG_INVALID");
    const [misspelt, dropped, ...others] = error.problems;
    assert.equal(others.length, 0);
    assert.equal(misspelt?.message, "`examples[1].input_file` names samples/in/b.jsn, which is no file");
    assert.equal(misspelt.hint, "Did you mean in/b.json?");
    assert.deepEqual([misspelt.location?.line, misspelt.location?.column], [5, 35]);
    assert.match(dropped?.message ?? "", /names samples\/in\/c\.pem, which is not packed \(.*\*\.pem/);
    return true;
  });
});
