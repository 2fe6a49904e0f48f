import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, realpathSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import type { Generation } from "../../src/protocol/control.ts";
import type { PackageManifest } from "../../src/protocol/manifest.ts";
import { createServingTree, type ServingTree } from "../../src/supervise/serving-tree.ts";
import { buildProject, makeProject } from "../helpers/build-project.ts";
import { tmpDir } from "../helpers/tmp-dir.ts";

async function served(
  t: TestContext,
): Promise<{ dir: string; tree: ServingTree; first: Generation; packageDir: string }> {
  const dir = await makeProject(t, { "data/words.txt": "one" });
  const { path } = await buildProject(dir);
  const tree = createServingTree(dir);
  t.after(() => tree.dispose());
  return { dir, tree, first: tree.add(path), packageDir: path };
}

async function manifestOf({ dir }: Generation): Promise<PackageManifest> {
  return JSON.parse(await readFile(join(dir, "purlin.json"), "utf8")) as PackageManifest;
}

describe("the files that are served", () => {
  it("stay when the package that they came from goes", async (t) => {
    const { first, packageDir } = await served(t);
    await rm(packageDir, { recursive: true });
    assert.equal(await readFile(join(first.dir, "data/words.txt"), "utf8"), "one");
    assert.ok(existsSync(join(first.dir, "runtime/front.mjs")));
    assert.ok(existsSync(join(first.dir, "code/model.mjs")));
  });

  it("have one real path for deps, data and runtime in every generation, and code of their own", async (t) => {
    const { tree, first } = await served(t);
    const code = [{ path: "model.mjs", contents: Buffer.from("export class Model {}\n") }];
    const second = tree.addCode(first, code, await manifestOf(first));
    for (const layer of ["deps", "data", "runtime"]) {
      assert.equal(realpathSync(join(second.dir, layer)), realpathSync(join(first.dir, layer)), layer);
    }
    assert.equal(await readFile(join(second.dir, "code/model.mjs"), "utf8"), "export class Model {}\n");
    assert.notEqual(await readFile(join(first.dir, "code/model.mjs"), "utf8"), "export class Model {}\n");
    assert.ok(existsSync(join(second.dir, "config/config.json")));
  });

  it("get other data beside the old, not over it", async (t) => {
    const { dir, tree, first } = await served(t);
    await writeFile(join(dir, "data/words.txt"), "two words");
    const second = tree.add((await buildProject(dir)).path);
    assert.equal(await readFile(join(first.dir, "data/words.txt"), "utf8"), "one");
    assert.equal(await readFile(join(second.dir, "data/words.txt"), "utf8"), "two words");
    assert.notEqual(first.digest, second.digest);
  });
});

describe("what served processes leave", () => {
  it("goes with them, and what one that was killed left goes at the next start", async (t) => {
    const dir = await tmpDir(t);
    const parent = join(dir, ".purlin/serve");
    const { pid: dead } = spawnSync(process.execPath, ["-e", ""]);
    const living = process.ppid;
    for (const pid of [dead, living]) await mkdir(join(parent, String(pid), "gen-1"), { recursive: true });
    const tree = createServingTree(dir);
    assert.deepEqual(readdirSync(parent).sort(), [String(living), String(process.pid)].sort());
    tree.dispose();
    assert.deepEqual(readdirSync(parent), [String(living)]);
  });
});
