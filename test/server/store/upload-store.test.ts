import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { test } from "node:test";
import { sha256 } from "../../../src/pack/digest.ts";
import { openStore } from "../../../src/server/store/open-store.ts";
import { until } from "../../helpers/until.ts";
import { HOUR, sendPart, testStore } from "./test-store.ts";

const PART = 1024;
const limits = { part_bytes: PART, uploads_per_model: 2 };
const cut = (bytes: Buffer, part: number): Buffer => bytes.subarray(part * PART, (part + 1) * PART);

test("parts in any order make the file, which is then the model's", async (t) => {
  const { store } = await testStore(t, { limits });
  const bytes = randomBytes(2 * PART + 7);
  const digest = sha256(bytes);
  const opened = store.uploads.open("m", digest, bytes.length);
  assert.deepEqual(
    { ...opened, upload_id: "" },
    { exists: false, upload_id: "", part_size: PART, parts: 3, received: [] },
  );
  const id = opened.upload_id ?? "";
  for (const part of [2, 0]) await sendPart(store, id, part, cut(bytes, part));
  await assert.rejects(store.uploads.complete("m", id), { code: "PARTS_MISSING", details: { missing: [1] } });
  await sendPart(store, id, 1, cut(bytes, 1));
  await sendPart(store, id, 1, cut(bytes, 1));
  await Promise.all([store.uploads.complete("m", id), store.uploads.complete("m", id)]);
  assert.deepEqual(readFileSync(store.blobs.pathOf(digest)), bytes);
  assert.deepEqual(store.uploads.open("m", digest, bytes.length), { exists: true });
  assert.deepEqual(readdirSync(join(store.dir, "uploads")), []);
});

test("an upload goes on where it was after the host was started again", async (t) => {
  const first = await testStore(t, { limits });
  const bytes = randomBytes(3 * PART);
  const { upload_id: id = "" } = first.store.uploads.open("m", sha256(bytes), bytes.length);
  await sendPart(first.store, id, 1, cut(bytes, 1));
  await first.store.close();
  const { store } = await testStore(t, { dir: first.store.dir, limits });
  const again = store.uploads.open("m", sha256(bytes), bytes.length);
  assert.equal(again.upload_id, id);
  assert.deepEqual(again.received, [1]);
  for (const part of [0, 2]) await sendPart(store, id, part, cut(bytes, part));
  await store.uploads.complete("m", id);
  assert.deepEqual(readFileSync(store.blobs.pathOf(sha256(bytes))), bytes);
});

test("a part that is not what it says, too long, too short or not there does not count", async (t) => {
  const { store } = await testStore(t, { limits });
  const bytes = randomBytes(2 * PART);
  const { upload_id: id = "" } = store.uploads.open("m", sha256(bytes), bytes.length);
  const sum = createHash("sha256").update(cut(bytes, 0)).digest();
  const flipped = Buffer.from(cut(bytes, 0));
  flipped.writeUInt8(flipped.readUInt8(0) ^ 1, 0);
  await assert.rejects(store.uploads.part("m", id, 0, Readable.from([flipped]), sum), {
    code: "PART_MISMATCH",
  });
  await assert.rejects(sendPart(store, id, 0, bytes), { code: "BAD_PART" });
  await assert.rejects(sendPart(store, id, 0, bytes.subarray(0, 5)), { code: "BAD_PART" });
  for (const part of [-1, 2, 0.5, Number.NaN])
    await assert.rejects(sendPart(store, id, part, cut(bytes, 0)), { code: "BAD_PART" });
  await assert.rejects(store.uploads.part("other", id, 0, Readable.from([cut(bytes, 0)]), sum), {
    code: "NOT_FOUND",
  });
  assert.deepEqual(store.uploads.get("m", id).received, []);
});

test("a part that is being sent is refused a second time until the first one ends or breaks", async (t) => {
  const { store } = await testStore(t, { limits });
  const bytes = randomBytes(PART);
  const { upload_id: id = "" } = store.uploads.open("m", sha256(bytes), PART);
  const slow = new PassThrough();
  const first = store.uploads.part("m", id, 0, slow, createHash("sha256").update(bytes).digest());
  await assert.rejects(sendPart(store, id, 0, bytes), { code: "PART_IN_PROGRESS", retryAfter: 1 });
  slow.destroy(new Error("the client went away"));
  await assert.rejects(first, /went away/);
  await sendPart(store, id, 0, bytes);
  assert.deepEqual(store.uploads.get("m", id).received, [0]);
});

test("parts that are right but make another file drop the upload", async (t) => {
  const { store } = await testStore(t, { limits });
  const bytes = randomBytes(PART);
  const { upload_id: id = "" } = store.uploads.open("m", sha256("another"), PART);
  await sendPart(store, id, 0, bytes);
  await assert.rejects(store.uploads.complete("m", id), { code: "DIGEST_MISMATCH" });
  assert.equal(existsSync(store.blobs.pathOf(sha256("another"))), false);
  assert.throws(() => store.uploads.get("m", id), { code: "NOT_FOUND" });
  assert.deepEqual(readdirSync(join(store.dir, "uploads")), []);
});

test("more uploads at a time than allowed wait; ones that nobody goes on with make room", async (t) => {
  const { store, clock } = await testStore(t, { limits });
  const { upload_id: old = "" } = store.uploads.open("m", sha256("1"), PART);
  store.uploads.open("m", sha256("2"), PART);
  assert.throws(() => store.uploads.open("m", sha256("3"), PART), {
    code: "TOO_MANY_UPLOADS",
    retryAfter: 5,
  });
  store.uploads.open("other", sha256("3"), PART);
  clock.ahead = HOUR;
  store.uploads.open("m", sha256("2"), PART);
  store.uploads.open("m", sha256("3"), PART);
  assert.throws(() => store.uploads.get("m", old), { code: "NOT_FOUND" });
  assert.throws(() => store.uploads.open("m", sha256("4"), PART), { code: "TOO_MANY_UPLOADS" });
});

test("an upload that is removed while a part comes in ends that part", async (t) => {
  const { store } = await testStore(t, { limits });
  const bytes = randomBytes(PART);
  const { upload_id: id = "" } = store.uploads.open("m", sha256(bytes), PART);
  const slow = new PassThrough();
  const part = store.uploads.part("m", id, 0, slow, createHash("sha256").update(bytes).digest());
  slow.write(bytes.subarray(0, 5));
  await until(() => slow.readableLength === 0);
  await store.uploads.remove("m", id);
  slow.end(bytes.subarray(5));
  await assert.rejects(part, { code: "NOT_FOUND" });
  await store.close();
  const again = openStore(store.dir);
  t.after(() => again.close());
  assert.equal((again.db.prepare("SELECT count(*) AS n FROM upload_parts").get() as { n: number }).n, 0);
});
