import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { checkPackage } from "../../src/pack/check-package.ts";
import { buildProject, ECHO_MODEL, makeProject } from "../helpers/build-project.ts";
import { makeTree } from "../helpers/make-tree.ts";
import { runCli } from "../helpers/run-cli.ts";
import { makeReadOnly, smallDisk } from "../helpers/small-disk.ts";

test("a full disk is told, the package before stays whole, and building works once there is room", async (t) => {
  const disk = await smallDisk(t, 4);
  if (disk === null) return t.skip("mounting is not allowed here");
  const dir = join(disk, "project");
  await makeTree(dir, { "config.yaml": "model_name: t\n", "model/model.ts": ECHO_MODEL });
  const first = await buildProject(dir);
  await makeTree(dir, { "data/big.bin": "x".repeat(2.5 * 1024 * 1024) });
  const failed = await runCli(["build", dir, "--json"]);
  assert.equal(failed.code, 1);
  assert.equal((failed.json() as { error: { code: string } }).error.code, "DISK_FULL");
  assert.equal(checkPackage(first.path).package, first.package);
  assert.deepEqual(
    readdirSync(join(dir, ".purlin")).filter((name) => name !== "cache"),
    ["package"],
  );
  await rm(join(dir, "data"), { recursive: true });
  await writeFile(join(dir, "model/model.ts"), `${ECHO_MODEL}// smaller\n`);
  checkPackage((await buildProject(dir)).path);
});

test("a read-only disk is told in one line; with --output elsewhere it still builds", async (t) => {
  const disk = await smallDisk(t, 4);
  if (disk === null) return t.skip("mounting is not allowed here");
  const dir = join(disk, "project");
  await makeTree(dir, { "config.yaml": "model_name: t\n", "model/model.ts": ECHO_MODEL });
  makeReadOnly(disk);
  await assert.rejects(buildProject(dir), {
    code: "NOT_WRITABLE",
    message: /Nothing can be written in .*\.purlin/,
  });
  const other = await makeProject(t);
  const { path } = await buildProject(dir, { output: join(other, "out") });
  checkPackage(path);
  assert.ok(!existsSync(join(dir, ".purlin")));
});
