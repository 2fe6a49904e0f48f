import assert from "node:assert/strict";
import { existsSync, lstatSync, readdirSync, readFileSync, statSync } from "node:fs";
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { sha256 } from "../../../src/pack/digest.ts";
import type { FileEntry } from "../../../src/protocol/manifest.ts";
import { smallDisk } from "../../helpers/small-disk.ts";
import { manifestOf } from "../../helpers/transfer-server.ts";
import { bytesOf, deploy, HOUR, packageOf, push, testStore, write } from "./test-store.ts";

test("a push names what its model has not sent, and is committed once all of it is here", async (t) => {
  const { store } = await testStore(t);
  const files = { "data/a": "aa", "data/b": "bb", "data/c": "bb" };
  const manifest = packageOf(files);
  await write(store, "m", "aa");
  await write(store, "other", "bb");
  const { push: opened, missing } = store.packages.openPush("m", manifest);
  assert.deepEqual(missing.toSorted(), [sha256("bb"), sha256("export default class Model {}\n")].toSorted());
  let calls = 0;
  const work = (): string => {
    calls += 1;
    return deploy(store, manifest);
  };
  assert.throws(() => store.packages.commit(opened, work), { code: "MISSING_FILES", details: { missing } });
  await store.blobs.writeMany("m", [bytesOf("bb"), bytesOf("export default class Model {}\n")]);
  const first = store.packages.commit(store.packages.push("m", opened.id), work);
  assert.equal(first.fresh, true);
  assert.deepEqual(store.packages.commit(opened, work), { deployment: first.deployment, fresh: false });
  assert.equal(calls, 1, "a commit whose answer was lost is told again, not done again");
  assert.deepEqual(store.packages.manifest(manifest.package).files, manifest.files);
});

test("a commit whose deployment cannot be made leaves nothing of the package", async (t) => {
  const { store } = await testStore(t);
  const manifest = packageOf({});
  const { push: opened } = store.packages.openPush("m", manifest);
  await write(store, "m", "export default class Model {}\n");
  const work = (): string => {
    deploy(store, manifest);
    throw new Error("no");
  };
  assert.throws(() => store.packages.commit(opened, work), /no/);
  assert.throws(() => store.packages.manifest(manifest.package), { code: "NOT_FOUND" });
  assert.deepEqual(store.db.prepare("SELECT * FROM deployments").all(), []);
  assert.equal(store.packages.commit(opened, () => deploy(store, manifest)).fresh, true);
});

test("a push ends after a day and is nobody else's", async (t) => {
  const { store, clock } = await testStore(t);
  const { push: opened } = store.packages.openPush("m", packageOf({}));
  assert.throws(() => store.packages.push("other", opened.id), { code: "NOT_FOUND" });
  clock.ahead = 25 * HOUR;
  assert.throws(() => store.packages.push("m", opened.id), { code: "GONE" });
});

test("a package in place holds its files with their modes, its manifest, and links within the folder", async (t) => {
  const { store } = await testStore(t);
  const files = {
    "config/c.json": "{}",
    "data/sub/d.txt": "d",
    "deps/run.sh": "#!/bin/sh\n",
    "runtime/r.mjs": "r",
  };
  const manifest = await push(store, files);
  const [dir, again] = await Promise.all([
    store.packages.place(manifest.package),
    store.packages.place(manifest.package),
  ]);
  assert.equal(dir, again);
  for (const [path, text] of Object.entries(files)) {
    assert.equal(readFileSync(join(dir, path), "utf8"), text);
    const { mode, nlink } = statSync(join(dir, path));
    assert.equal(mode & 0o777, path.endsWith(".sh") ? 0o755 : 0o644);
    assert.equal(nlink, 1, "a copy: what a model writes never reaches a blob");
  }
  assert.ok(lstatSync(join(dir, "data")).isSymbolicLink());
  assert.equal(lstatSync(join(dir, "code")).isSymbolicLink(), false);
  assert.deepEqual(JSON.parse(readFileSync(join(dir, "purlin.json"), "utf8")), manifest);
  assert.deepEqual(readdirSync(join(store.dir, "tmp")), []);
});

test("packages with the same data share it", async (t) => {
  const { store } = await testStore(t);
  const one = await push(store, { "data/d": "same", "config/c": "1" });
  const two = await push(store, { "data/d": "same", "config/c": "2" });
  const [first, second] = await Promise.all([
    store.packages.place(one.package),
    store.packages.place(two.package),
  ]);
  assert.equal(statSync(join(first, "data/d")).ino, statSync(join(second, "data/d")).ino);
  assert.equal(readFileSync(join(first, "config/c"), "utf8"), "1");
  assert.equal(readFileSync(join(second, "config/c"), "utf8"), "2");
});

test("what was torn in place while no host ran is made again", async (t) => {
  const first = await testStore(t);
  const manifest = await push(first.store, { "data/d": "whole", "config/c": "whole" });
  const dir = await first.store.packages.place(manifest.package);
  await first.store.close();
  for (const path of ["data/d", "config/c"]) await writeFile(join(dir, path), "");
  const { store } = await testStore(t, { dir: first.store.dir });
  assert.equal(await store.packages.place(manifest.package), dir);
  for (const path of ["data/d", "config/c"]) assert.equal(readFileSync(join(dir, path), "utf8"), "whole");
});

test("a package whose file is damaged in the store is not put in place", async (t) => {
  const { store } = await testStore(t);
  const manifest = await push(store, { "data/d": "whole" });
  const blob = store.blobs.pathOf(sha256("whole"));
  await chmod(blob, 0o644);
  await writeFile(blob, "who");
  await assert.rejects(store.packages.place(manifest.package), { code: "INTERNAL", message: /data\/d/ });
  await writeFile(blob, "whole");
  const dir = await store.packages.place(manifest.package);
  assert.equal(readFileSync(join(dir, "data/d"), "utf8"), "whole");
});

test("a package for which there is no room is told as such, and nothing half is left", async (t) => {
  const disk = await smallDisk(t, 12);
  if (disk === null) return t.skip("no file system can be mounted here");
  const { store } = await testStore(t, { dir: join(disk, "data") });
  const manifest = await push(store, { "data/d": "x".repeat(7 * 1024 * 1024) });
  await assert.rejects(store.packages.place(manifest.package), { code: "STORAGE_FULL" });
  assert.deepEqual(readdirSync(join(store.dir, "packages")), []);
  assert.deepEqual(
    readdirSync(join(store.dir, "trees")).filter((name) => name.startsWith("data")),
    [],
  );
  assert.equal(existsSync(store.blobs.pathOf(sha256("export default class Model {}\n"))), true);
});

test("a push of 20,000 files opens within a second, and so does its commit", async (t) => {
  const { store } = await testStore(t);
  const texts = Array.from({ length: 20_000 }, (_, at) => `file ${at}`);
  const manifest = manifestOf([
    ["code", "code/model.mjs", sha256("m"), 1, "644"],
    ...texts.map((text, at): FileEntry => [
      "data",
      `data/${at % 100}/${at}`,
      sha256(text),
      text.length,
      "644",
    ]),
  ]);
  const started = performance.now();
  const { push: opened, missing } = store.packages.openPush("m", manifest);
  assert.ok(performance.now() - started < 1000, `${performance.now() - started} ms to open`);
  assert.equal(missing.length, 20_001);
  // What the database does with them is the question here, not the disk.
  store.db.transaction(() => {
    for (const digest of missing) {
      store.db.prepare("INSERT INTO model_blobs VALUES ('m', ?, '9')").run(digest);
      store.db.prepare("INSERT INTO blobs VALUES (?, 1, '9')").run(digest);
    }
  });
  const between = performance.now();
  store.packages.commit(opened, () => deploy(store, manifest));
  assert.ok(performance.now() - between < 1000, `${performance.now() - between} ms to commit`);
  assert.deepEqual(store.packages.openPush("m", manifest).missing, []);
});
