import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { test } from "node:test";
import { sha256 } from "../../../src/pack/digest.ts";
import type { HostError } from "../../../src/server/host-error.ts";
import { smallDisk } from "../../helpers/small-disk.ts";
import { bytesOf, HOUR, testStore, write } from "./test-store.ts";

const leftovers = (dir: string): string[] => readdirSync(join(dir, "tmp"));

test("a file is kept under its digest, read-only, with what came", async (t) => {
  const { store } = await testStore(t);
  const { digest, bytes } = bytesOf("hello");
  assert.equal(await store.blobs.write("m", digest, 5, Readable.from([bytes])), "stored");
  assert.equal(readFileSync(store.blobs.pathOf(digest), "utf8"), "hello");
  assert.equal(statSync(store.blobs.pathOf(digest)).mode & 0o777, 0o444);
  assert.equal(await store.blobs.write("m", digest, 5, bytes), "existing");
  assert.deepEqual(leftovers(store.dir), []);
});

test("what is not what it was announced as leaves nothing behind", async (t) => {
  const { store } = await testStore(t);
  const { digest, bytes } = bytesOf("hello");
  const broken = new Readable({
    read() {
      this.push("he");
      this.destroy(new Error("gone"));
    },
  });
  await assert.rejects(store.blobs.write("m", digest, 5, Buffer.from("hullo")), { code: "DIGEST_MISMATCH" });
  await assert.rejects(store.blobs.write("m", digest, 4, bytes), { code: "BAD_REQUEST" });
  await assert.rejects(store.blobs.write("m", digest, 6, bytes), { code: "BAD_REQUEST" });
  await assert.rejects(store.blobs.write("m", digest, 5, broken), /gone/);
  assert.equal(existsSync(store.blobs.pathOf(digest)), false);
  assert.deepEqual(store.blobs.missing("m", [digest]), [digest]);
  assert.deepEqual(leftovers(store.dir), []);
});

test("one file from many requests at once is stored, and each of them succeeds", async (t) => {
  const { store } = await testStore(t);
  const bytes = randomBytes(3 * 1024 * 1024);
  const digest = sha256(bytes);
  const models = ["a", "b", "a", "b", "a", "b"];
  await Promise.all(
    models.map((model) => store.blobs.write(model, digest, bytes.length, Readable.from([bytes]))),
  );
  assert.deepEqual(store.blobs.missing("a", [digest]), []);
  assert.equal(sha256(readFileSync(store.blobs.pathOf(digest))), digest);
  assert.deepEqual(leftovers(store.dir), []);
});

test("a model holds only what it has sent itself, whoever else has", async (t) => {
  const { store } = await testStore(t);
  const digest = await write(store, "theirs", "secret");
  assert.deepEqual(store.blobs.missing("ours", [digest]), [digest]);
  assert.equal(await store.blobs.write("ours", digest, 6, Buffer.from("secret")), "stored");
  assert.deepEqual(store.blobs.missing("ours", [digest]), []);
});

test("a batch stores what is right and names what is not", async (t) => {
  const { store } = await testStore(t);
  await write(store, "m", "old");
  const wrong = { digest: sha256("said"), bytes: Buffer.from("sent") };
  const answer = await store.blobs.writeMany("m", [bytesOf("old"), bytesOf("new"), wrong, bytesOf("new")]);
  assert.deepEqual(answer.failed, [wrong.digest]);
  assert.equal(answer.existing, 1);
  assert.equal(readFileSync(store.blobs.pathOf(sha256("new")), "utf8"), "new");
  assert.deepEqual(store.blobs.missing("m", [wrong.digest, sha256("new")]), [wrong.digest]);
});

test("a batch keeps a file that was there already from a garbage collection that runs meanwhile", async (t) => {
  const { store, clock } = await testStore(t);
  const digest = await write(store, "m", "old");
  clock.ahead = 25 * HOUR;
  const batch = store.blobs.writeMany("m", [bytesOf("old"), bytesOf("new")]);
  await store.collectGarbage();
  await batch;
  assert.deepEqual(store.blobs.missing("m", [digest]), []);
  assert.equal(readFileSync(store.blobs.pathOf(digest), "utf8"), "old");
});

test("a damaged file is mended when it is sent again", async (t) => {
  const { store } = await testStore(t);
  const digest = await write(store, "m", "whole");
  await chmod(store.blobs.pathOf(digest), 0o644);
  await writeFile(store.blobs.pathOf(digest), "torn!");
  await write(store, "m", "whole");
  assert.equal(readFileSync(store.blobs.pathOf(digest), "utf8"), "whole");
});

test("a full disk is told as such, leaves nothing behind, and smaller files still go in", async (t) => {
  const disk = await smallDisk(t, 24);
  if (disk === null) return t.skip("no file system can be mounted here");
  const { store } = await testStore(t, { dir: join(disk, "data") });
  const full = { code: "STORAGE_FULL" };
  await assert.rejects(store.blobs.write("m", sha256("x"), 30 * 1024 * 1024, Readable.from([])), full);
  const bytes = randomBytes(30 * 1024 * 1024);
  await assert.rejects(store.blobs.writeMany("m", [{ digest: sha256(bytes), bytes }]), full);
  // Each alone has room: the disk becomes full while they are written.
  const files = [0, 1, 2].map((at) => bytes.subarray(at * 1024, at * 1024 + 10 * 1024 * 1024));
  const writes = await Promise.allSettled(
    files.map((file) => store.blobs.write("m", sha256(file), file.length, Readable.from([file]))),
  );
  const codes = writes.map((write) =>
    write.status === "rejected" ? (write.reason as HostError).code : "stored",
  );
  assert.ok(codes.includes("STORAGE_FULL"), codes.join());
  assert.ok(
    codes.every((code) => code === "STORAGE_FULL" || code === "stored"),
    codes.join(),
  );
  assert.deepEqual(leftovers(store.dir), []);
  await store.collectGarbage({ graceMs: -48 * HOUR });
  const digest = await write(store, "m", "small");
  assert.equal(readFileSync(store.blobs.pathOf(digest), "utf8"), "small");
});

test("memory does not grow with the size of a file", async (t) => {
  const { store } = await testStore(t);
  const piece = Buffer.alloc(64 * 1024, 7);
  const count = 4096;
  const source = Readable.from(
    (function* () {
      for (let at = 0; at < count; at++) yield piece;
    })(),
  );
  const before = process.memoryUsage().rss;
  let most = 0;
  const watch = setInterval(() => (most = Math.max(most, process.memoryUsage().rss)), 5);
  // The digest is wrong on purpose: only the way there counts.
  const written = store.blobs.write("m", sha256("x"), count * piece.length, source);
  await assert.rejects(written, { code: "DIGEST_MISMATCH" });
  clearInterval(watch);
  assert.ok(most > 0);
  assert.ok(most - before < 100 * 1024 * 1024, `${(most - before) / 2 ** 20} MiB for a file of 256 MiB`);
});
