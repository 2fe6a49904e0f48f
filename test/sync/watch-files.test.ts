import assert from "node:assert/strict";
import { mkdir, rename, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { createFileScanner } from "../../src/sync/scan-files.ts";
import { watchFiles } from "../../src/sync/watch-files.ts";
import { makeTree } from "../helpers/make-tree.ts";
import { tmpDir } from "../helpers/tmp-dir.ts";
import { until } from "../helpers/until.ts";

const ignores = (path: string): boolean => /(^|\/)(node_modules|\.git|\.purlin|dist)($|\/)|\.swp$/.test(path);

interface Watched {
  dir: string;
  seen: Set<string>;
  settled(): number;
  files: number;
}

async function watched(t: TestContext, files: Record<string, string>): Promise<Watched> {
  const dir = join(await tmpDir(t), "a dist of grüße");
  await makeTree(dir, files);
  const seen = new Set<string>();
  let settled = 0;
  const watch = await watchFiles({
    root: dir,
    ignores,
    onChange(paths, isSettled) {
      for (const path of paths) seen.add(path);
      if (isSettled) settled += 1;
    },
  });
  t.after(() => watch.close());
  assert.equal(watch.polling, false, "events arrive in a folder of this machine");
  return { dir, seen, settled: () => settled, files: watch.files };
}

describe("watching a folder", () => {
  it("counts what it follows, and follows neither packages nor output", async (t) => {
    const { dir, seen, files } = await watched(t, {
      "model/model.ts": "1",
      "node_modules/x/index.js": "1",
      ".git/HEAD": "1",
      "dist/out.js": "1",
    });
    assert.equal(files, 1);
    for (const path of ["node_modules/x/index.js", ".git/HEAD", "dist/out.js", "model/.model.ts.swp"]) {
      await writeFile(join(dir, path), "22");
    }
    await writeFile(join(dir, "model/model.ts"), "22");
    await until(() => seen.has("model/model.ts"));
    assert.deepEqual([...seen], ["model/model.ts"]);
  });

  it("sees a save by rename, again and again", async (t) => {
    const { dir, seen } = await watched(t, { "model/model.ts": "" });
    for (let i = 1; i <= 10; i++) {
      seen.clear();
      await writeFile(join(dir, "model/.next.swp"), "x".repeat(i));
      await rename(join(dir, "model/.next.swp"), join(dir, "model/model.ts"));
      await until(() => seen.has("model/model.ts"), { what: `rename ${i}` });
    }
  });

  it("sees a folder made with a file in it at once, and a file that went", async (t) => {
    const { dir, seen } = await watched(t, { "model/model.ts": "", "model/old.ts": "" });
    await mkdir(join(dir, "model/a/b"), { recursive: true });
    await writeFile(join(dir, "model/a/b/new.ts"), "1");
    await rm(join(dir, "model/old.ts"));
    await until(() => seen.has("model/a/b/new.ts") && seen.has("model/old.ts"));
  });

  it("sees the second of two writes that come within one window of the watcher", async (t) => {
    const { dir, seen, settled } = await watched(t, { "model/model.ts": "" });
    for (let i = 0; i < 5; i++) {
      const before = settled();
      await writeFile(join(dir, "model/model.ts"), "x");
      await writeFile(join(dir, "model/model.ts"), `second ${"x".repeat(i)}`);
      await until(() => settled() > before);
    }
    assert.deepEqual([...seen], ["model/model.ts"]);
  });

  it("sees every file of a checkout", async (t) => {
    const { dir, seen } = await watched(t, { "model/model.ts": "" });
    const names = Array.from({ length: 400 }, (_, i) => `model/part-${i % 20}/file-${i}.ts`);
    await makeTree(dir, Object.fromEntries(names.map((name) => [name, name])));
    await until(() => names.every((name) => seen.has(name)));
  });
});

describe("scanning a folder", () => {
  it("names what appeared, changed and went since the last look, once", async (t) => {
    const dir = await tmpDir(t);
    await makeTree(dir, { "a.ts": "1", "b.ts": "1", "c/d.ts": "1" });
    const scanner = await createFileScanner(dir, ignores);
    assert.equal(scanner.files, 3);
    assert.deepEqual(await scanner.changed(), []);
    await writeFile(join(dir, "a.ts"), "22");
    await rm(join(dir, "b.ts"));
    await writeFile(join(dir, "c/e.ts"), "1");
    assert.deepEqual(await scanner.changed(), ["a.ts", "b.ts", "c/e.ts"]);
    assert.deepEqual(await scanner.changed(), []);
  });

  it("a folder that went while it was read is no error", async (t) => {
    const dir = await tmpDir(t);
    await makeTree(dir, { "a.ts": "1", "c/d.ts": "1" });
    const scanner = await createFileScanner(dir, (path) => {
      if (path === "c") void rm(join(dir, "c"), { recursive: true, force: true });
      return false;
    });
    await until(async () => (await scanner.changed()).includes("c/d.ts"));
  });

  it("a time stamp alone is a hint: the same bytes are for the build to tell", async (t) => {
    const dir = await tmpDir(t);
    await makeTree(dir, { "a.ts": "1" });
    const scanner = await createFileScanner(dir, ignores);
    const then = new Date(Date.now() - 60_000);
    await utimes(join(dir, "a.ts"), then, then);
    assert.deepEqual(await scanner.changed(), ["a.ts"]);
  });
});

describe("the look now and then", () => {
  it(
    "says nothing where nothing has changed, and finds what no event has told of",
    { timeout: 60_000 },
    async (t) => {
      const dir = await tmpDir(t);
      await makeTree(dir, { "model/model.ts": "1", "elsewhere/x.ts": "1" });
      const told: [string[], boolean][] = [];
      const watch = await watchFiles({
        root: dir,
        ignores,
        onChange: (paths, settled) => told.push([paths, settled]),
      });
      t.after(() => watch.close());
      await until(() => told.length > 0, { what: "the start to be over" });
      // A change behind a link sends no event here: only the look at everything sees it.
      const outside = join(await tmpDir(t), "outside.txt");
      await symlink(outside, join(dir, "link.txt"));
      await delay(500);
      const before = told.length;
      await writeFile(outside, "1");
      await until(() => told.slice(before).some(([paths]) => paths.includes("link.txt")), {
        timeout: 30_000,
        what: () => JSON.stringify(told),
      });
      await until(() => told.at(-1)?.[1] === true);
      const length = told.length;
      await delay(6000);
      assert.ok(
        told.slice(length).every(([, settled]) => settled),
        "who waits for the end of an edit is not put off",
      );
    },
  );
});
