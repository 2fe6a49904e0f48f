import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { runCli } from "../helpers/run-cli.ts";
import { tmpDir } from "../helpers/tmp-dir.ts";

describe("purlin config", () => {
  it("check shows every problem with its place, and as JSON", async (t) => {
    const cwd = await tmpDir(t);
    await writeFile(join(cwd, "config.yaml"), "runtme: {}\nruntime:\n  workers: many\n");
    const text = await runCli(["config", "check"], { cwd });
    assert.equal(text.code, 1);
    assert.match(text.stderr, /config\.yaml:1:1: .*\n\s+1 \| runtme: \{\}\n\s+\| \^{6}\n.*runtime/);
    assert.match(text.stderr, /config\.yaml:3:12: /);
    const run = await runCli(["config", "check", "--json"], { cwd });
    const { error } = run.json() as { error: { code: string; problems: Record<string, unknown>[] } };
    assert.equal(error.code, "CONFIG_INVALID");
    assert.deepEqual(
      error.problems.map(({ file, line, column }) => [file, line, column]),
      [
        ["config.yaml", 1, 1],
        ["config.yaml", 3, 12],
      ],
    );
  });

  it("show fills in the defaults, and an environment's overrides where it is named", async (t) => {
    const cwd = await tmpDir(t);
    await mkdir(join(cwd, "p"));
    await writeFile(join(cwd, "p/config.yaml"), "environments:\n  staging:\n    runtime: { workers: 2 }\n");
    const workers = async (...argv: string[]) => {
      const run = await runCli(["config", "show", "p", "--json", ...argv], { cwd });
      return (run.json() as { model_name: string; runtime: { workers: number } }).runtime.workers;
    };
    assert.deepEqual([await workers(), await workers("--environment", "staging")], [1, 2]);
  });

  it("schema prints a JSON Schema", async () => {
    const schema = (await runCli(["config", "schema"])).json() as { type: string; properties: object };
    assert.equal(schema.type, "object");
    assert.ok("model_name" in schema.properties);
  });

  it("alone shows its subcommands and is wrong usage", async () => {
    const run = await runCli(["config"]);
    assert.deepEqual([run.code, run.stdout], [2, ""]);
    assert.match(run.stderr, /schema[\s\S]*show[\s\S]*check/);
    const json = await runCli(["config", "--json"]);
    assert.equal(json.code, 2);
    assert.equal((json.json() as { error: { code: string } }).error.code, "USAGE");
    assert.match((await runCli(["config", "chek"])).stderr, /Did you mean check\?/);
  });

  it("a folder without a project is named", async (t) => {
    const run = await runCli(["config", "check", "nowhere"], { cwd: await tmpDir(t) });
    assert.equal(run.code, 1);
    assert.match(run.stderr, /nowhere/);
  });
});
