import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { chmod, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { openDatabase } from "../../../src/server/store/open-database.ts";
import { openStore } from "../../../src/server/store/open-store.ts";
import { tmpDir } from "../../helpers/tmp-dir.ts";
import { push, testStore, write } from "./test-store.ts";

test("a data folder is for its user alone, and so is what it holds", async (t) => {
  const dir = join(await tmpDir(t), "data");
  mkdirSync(dir, { mode: 0o755 });
  const { store } = await testStore(t, { dir });
  const modes = [dir, ...readdirSync(dir).map((name) => join(dir, name))].map((path) => [
    path,
    statSync(path).mode & 0o077,
  ]);
  assert.ok(modes.length > 8);
  assert.deepEqual(
    modes.filter(([, mode]) => mode !== 0),
    [],
  );
  const copy = join(await tmpDir(t), "backup.db");
  await store.backup(copy);
  assert.equal(statSync(copy).mode & 0o077, 0);
});

test("a second host on the same folder is refused, and the first one works on", async (t) => {
  const { store } = await testStore(t);
  assert.throws(() => openStore(store.dir), {
    code: "HOST_DATA",
    message: new RegExp(`process ${process.pid}`),
  });
  await write(store, "m", "still here");
  await store.close();
  await openStore(store.dir).close();
});

test("the folder of a host that was killed is free, of one that runs it is not", async (t) => {
  const dir = join(await tmpDir(t), "data");
  const script = `
    import { openStore } from ${JSON.stringify(new URL("../../../src/server/store/open-store.ts", import.meta.url).href)};
    openStore(${JSON.stringify(dir)});
    console.log("open");
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  t.after(async () => {
    child.kill("SIGKILL");
    await exited;
  });
  await once(child.stdout, "data");
  assert.throws(() => openStore(dir), { code: "HOST_DATA", message: new RegExp(`process ${child.pid}\\)`) });
  child.kill("SIGKILL");
  await exited;
  const { store } = await testStore(t, { dir });
  await write(store, "m", "mine now");
});

test("data of a newer version is refused, with its file named", async (t) => {
  const { store } = await testStore(t);
  await store.close();
  const db = openDatabase(join(store.dir, "state.db"));
  db.exec("PRAGMA user_version = 99");
  db.close();
  assert.throws(() => openStore(store.dir), { code: "HOST_DATA", message: /state\.db.*version 99/ });
  assert.equal(existsSync(join(store.dir, "lock")), false, "the folder is free again");
});

test("what was being written when a host ended is gone when it opens again", async (t) => {
  const { store } = await testStore(t);
  await store.close();
  writeFileSync(join(store.dir, "tmp", "half"), "half");
  const again = openStore(store.dir);
  t.after(() => again.close());
  assert.deepEqual(readdirSync(join(store.dir, "tmp")), []);
});

test("a transaction that fails leaves nothing, also when it is part of another", async (t) => {
  const { db } = (await testStore(t)).store;
  const add = (name: string): unknown => db.prepare("INSERT INTO models VALUES (?, 'now')").run(name);
  assert.throws(() =>
    db.transaction(() => {
      add("a");
      db.transaction(() => add("b"));
      throw new Error("no");
    }),
  );
  db.transaction(() => add("c"));
  assert.deepEqual(db.prepare("SELECT name FROM models").all(), [{ name: "c" }]);
});

test("a backup is a database of its own, taken while the store works, and never over another file", async (t) => {
  const { store } = await testStore(t);
  const manifest = await push(store, { "config/v": "1" });
  const file = join(await tmpDir(t), "backup.db");
  await store.backup(file);
  await push(store, { "config/v": "2" });
  const copy = openDatabase(file);
  assert.deepEqual(copy.prepare("SELECT digest FROM packages").all(), [{ digest: manifest.package }]);
  copy.close();
  await assert.rejects(store.backup(file), { code: "FILES_EXIST" });
});

test("verify names files that are damaged, of another length or gone, and no other", async (t) => {
  const { store } = await testStore(t);
  const [sound, damaged, short, gone] = await Promise.all(
    ["sound", "damaged", "short", "gone"].map((text) => write(store, "m", text)),
  );
  assert.ok(sound && damaged && short && gone);
  for (const [digest, text] of [
    [damaged, "dbmaged"],
    [short, "sho"],
  ] as const) {
    await chmod(store.blobs.pathOf(digest), 0o644);
    await writeFile(store.blobs.pathOf(digest), text);
  }
  await rm(store.blobs.pathOf(gone));
  const seen: number[] = [];
  const report = await store.verify((done) => seen.push(done));
  assert.deepEqual(report.damaged.toSorted(), [damaged, short].toSorted());
  assert.deepEqual(report.missing, [gone]);
  assert.equal(report.files, 4);
  assert.deepEqual(seen, [1, 2, 3, 4]);
  assert.equal(readFileSync(store.blobs.pathOf(sound), "utf8"), "sound");
  const asked = store.blobs.missing("m", [sound, damaged, short, gone]);
  assert.deepEqual(asked, [damaged, short, gone], "the next push sends them again");
  await write(store, "m", "damaged");
  assert.equal((await store.verify()).damaged.includes(damaged), false);
});
