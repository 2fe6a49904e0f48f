import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { sha256 } from "../../../src/pack/digest.ts";
import type { PackageManifest } from "../../../src/protocol/manifest.ts";
import { seededRandom } from "../../helpers/random.ts";
import { bytesOf, HOUR, push, testStore, write } from "./test-store.ts";

test("a file that nothing refers to goes once its lease is over, and not before", async (t) => {
  const { store, clock } = await testStore(t);
  const digest = await write(store, "m", "lonely");
  assert.equal((await store.collectGarbage()).blobs, 0);
  clock.ahead = 23 * HOUR;
  assert.deepEqual(store.blobs.missing("m", [digest]), []);
  clock.ahead = 46 * HOUR;
  assert.equal((await store.collectGarbage()).blobs, 0, "asked for, so the lease was renewed");
  clock.ahead = 48 * HOUR;
  assert.deepEqual(await store.collectGarbage({ dryRun: true }), { blobs: 1, bytes: 6, trees: 0 });
  assert.equal(existsSync(store.blobs.pathOf(digest)), true, "a dry run removes nothing");
  assert.deepEqual(await store.collectGarbage(), { blobs: 1, bytes: 6, trees: 0 });
  assert.equal(existsSync(store.blobs.pathOf(digest)), false);
  assert.deepEqual(store.blobs.missing("m", [digest]), [digest]);
});

test("of each environment ten deployments stay, and what serves stays however old", async (t) => {
  const { store, clock } = await testStore(t);
  const first = await push(store, { "config/v": "first" }, { environment: "staging" });
  const pushed: PackageManifest[] = [];
  for (let at = 0; at < 12; at++) pushed.push(await push(store, { "config/v": `v${at}` }));
  clock.ahead = 48 * HOUR;
  await store.collectGarbage();
  const lives = (at: number): boolean => existsSync(store.blobs.pathOf(sha256(`v${at}`)));
  assert.deepEqual(
    pushed.map((_, at) => lives(at)),
    pushed.map((_, at) => at >= 2),
  );
  assert.equal(store.packages.manifest(first.package).package, first.package);
  assert.throws(() => store.packages.manifest(pushed[0]?.package ?? first.package), { code: "NOT_FOUND" });
});

test("a deployment that serves keeps its files after a dozen newer ones", async (t) => {
  const { store, clock } = await testStore(t);
  const serving = await push(store, { "config/v": "serving" });
  const { serving: id } = store.db.prepare("SELECT serving FROM environments").get() as { serving: string };
  for (let at = 0; at < 12; at++) await push(store, { "config/v": `v${at}` });
  store.db.prepare("UPDATE environments SET serving = ?").run(id);
  clock.ahead = 48 * HOUR;
  await store.collectGarbage();
  await store.packages.place(serving.package);
});

test("a folder that is in use stays, one that is not goes, and shared layers go with the last one", async (t) => {
  const { store, clock } = await testStore(t);
  const placed = [];
  for (let at = 0; at < 6; at++) {
    const manifest = await push(store, { "config/v": `v${at}`, "data/d": at < 2 ? "old data" : "data" });
    placed.push({ manifest, dir: await store.packages.place(manifest.package) });
  }
  const [used, unused] = placed;
  assert.ok(used && unused);
  const release = store.packages.hold(used.manifest.package);
  clock.ahead = HOUR;
  await store.collectGarbage();
  assert.equal(existsSync(unused.dir), false);
  assert.equal(readFileSync(join(used.dir, "data/d"), "utf8"), "old data");
  release();
  const { trees } = await store.collectGarbage();
  assert.equal(trees, 1, "the data that only those two had");
  assert.equal(existsSync(used.dir), false);
  const dir = await store.packages.place(used.manifest.package);
  assert.equal(readFileSync(join(dir, "data/d"), "utf8"), "old data");
});

test("files and uploads that a killed host left without a row go", async (t) => {
  const { store } = await testStore(t);
  const kept = await write(store, "m", "kept");
  const hex = sha256("stray").slice(7);
  const stray = join(store.dir, "blobs", sha256("kept").slice(7, 9), hex);
  writeFileSync(stray, "stray");
  writeFileSync(join(store.dir, "uploads", "upl_gone.part"), "stray");
  await store.collectGarbage();
  assert.equal(existsSync(stray), false);
  assert.deepEqual(readdirSync(join(store.dir, "uploads")), []);
  assert.equal(existsSync(store.blobs.pathOf(kept)), true);
});

test("an upload that nobody goes on with goes after a day", async (t) => {
  const { store, clock } = await testStore(t);
  const { upload_id: id = "" } = store.uploads.open("m", sha256("big"), 3);
  clock.ahead = 23 * HOUR;
  await store.collectGarbage();
  store.uploads.get("m", id);
  clock.ahead = 25 * HOUR;
  await store.collectGarbage();
  assert.throws(() => store.uploads.get("m", id), { code: "NOT_FOUND" });
  assert.deepEqual(readdirSync(join(store.dir, "uploads")), []);
});

for (const seed of [1, 2, 3]) {
  test(`pushes lose nothing to garbage collections all the while, days jumping by (seed ${seed})`, async (t) => {
    const { store, clock } = await testStore(t);
    const random = seededRandom(seed);
    const stop = new AbortController();
    const collecting = (async () => {
      let rounds = 0;
      while (!stop.signal.aborted) {
        await store.collectGarbage();
        rounds += 1;
        await new Promise((resolve) => setImmediate(resolve));
      }
      return rounds;
    })();
    const served = new Map<string, { digest: `sha256:${string}`; files: Record<string, string> }>();
    const one = async (model: string): Promise<void> => {
      for (let round = 0; round < 12; round++) {
        const files: Record<string, string> = {};
        for (let at = 0; at < 6; at++) files[`data/f${at}`] = `text ${random.int(12)}`;
        const environment = random.pick(["staging", "production"]);
        // A commit that finds files gone says so, and the client sends them again: that is the contract.
        for (let attempt = 0; ; attempt++) {
          try {
            const manifest = await push(store, files, { model, environment });
            served.set(`${model} ${environment}`, { digest: manifest.package, files });
            break;
          } catch (error) {
            assert.equal((error as { code: string }).code, "MISSING_FILES");
            assert.ok(attempt < 20);
          }
        }
        if (random.int(3) === 0) clock.ahead += random.int(30) * HOUR;
        if (random.int(3) === 0)
          await store.packages.place(served.get(`${model} ${environment}`)?.digest ?? "sha256:");
      }
    };
    try {
      await Promise.all(["a", "b", "c"].map(one));
    } finally {
      stop.abort();
    }
    assert.ok((await collecting) > 0);
    for (const { digest, files } of served.values()) {
      const dir = await store.packages.place(digest);
      for (const [path, text] of Object.entries(files)) {
        assert.equal(readFileSync(join(dir, path), "utf8"), text);
      }
    }
    const { damaged, missing } = await store.verify();
    assert.deepEqual({ damaged, missing }, { damaged: [], missing: [] });
  });
}

test("requests are answered while thousands of files are removed", async (t) => {
  const { store, clock } = await testStore(t);
  const texts = Array.from({ length: 5000 }, (_, at) => bytesOf(`file ${at}`));
  for (let at = 0; at < texts.length; at += 1000)
    await store.blobs.writeMany("m", texts.slice(at, at + 1000));
  clock.ahead = 48 * HOUR;
  let turns = 0;
  const watch = setInterval(() => (turns += 1), 0);
  const { blobs } = await store.collectGarbage();
  clearInterval(watch);
  assert.equal(blobs, 5000);
  assert.ok(turns > 10, `${turns} turns of the loop meanwhile`);
});
