import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { makeProject } from "../helpers/build-project.ts";
import { runCli } from "../helpers/run-cli.ts";

describe("purlin soak, before it runs", () => {
  it("without examples there is nothing to call", async (t) => {
    const dir = await makeProject(t);
    const { code, stderr, stdout } = await runCli(["soak", dir, "--json"]);
    assert.equal(code, 1, stderr);
    const { error } = JSON.parse(stdout) as { error: { code: string; hint: string } };
    assert.equal(error.code, "NO_EXAMPLES");
    assert.match(error.hint, /examples:/);
  });

  it("wrong values are refused by the name of their flag", async () => {
    for (const [flag, value] of [
      ["--minutes", "0"],
      ["--minutes", "soon"],
      ["--clients", "0"],
      ["--cancel", "101"],
      ["--max-growth", "0"],
      ["--max-per-request", "much"],
      ["--answer-within", "-1"],
    ] as const) {
      const { code, stderr } = await runCli(["soak", flag, value]);
      assert.equal(code, 2, `${flag} ${value}: ${stderr}`);
      assert.ok(stderr.includes(flag), stderr);
    }
  });

  it("a folder that is not there is named", async () => {
    const { code, stderr } = await runCli(["soak", "/nowhere/at/all"]);
    assert.equal(code, 2);
    assert.match(stderr, /\/nowhere\/at\/all/);
  });
});
