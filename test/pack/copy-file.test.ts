import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, statSync } from "node:fs";
import { chmod, open, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { cloneFile } from "../../src/pack/clone-file.ts";
import { copyFile } from "../../src/pack/copy-file.ts";
import { smallDisk } from "../helpers/small-disk.ts";
import { tmpDir } from "../helpers/tmp-dir.ts";
import { until } from "../helpers/until.ts";

const digestOf = (bytes: Uint8Array): string => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

/** A file of 300 KiB that has been left alone for longer than clocks need to tick: one that a disk may clone. */
async function weights(t: TestContext): Promise<{ dir: string; from: string; bytes: Buffer }> {
  const dir = await tmpDir(t);
  const from = join(dir, "weights.bin");
  const bytes = Buffer.alloc(300 * 1024, "weights ");
  await writeFile(from, bytes);
  await until(() => Date.now() - statSync(from).ctimeMs > 30);
  return { dir, from, bytes };
}

test("a copy holds the bytes, the digest is theirs, and the mode is the one asked for", async (t) => {
  const { dir, from, bytes } = await weights(t);
  await chmod(from, 0o600);
  for (const mode of [0o644, 0o755]) {
    const to = join(dir, `copy-${mode}`);
    const { digest, size } = copyFile(from, to, mode);
    assert.deepEqual(await readFile(to), bytes);
    assert.equal(digest, digestOf(bytes));
    assert.equal(size, bytes.length);
    assert.equal(statSync(to).mode & 0o777, mode);
  }
});

test("an edit in place changes the original alone, whether the copy shares its blocks or not", async (t) => {
  const { dir, from, bytes } = await weights(t);
  const to = join(dir, "copy");
  const { digest } = copyFile(from, to, 0o644);
  const file = await open(from, "r+");
  await file.write("edited", 1000);
  await file.close();
  assert.deepEqual(await readFile(to), bytes);
  assert.equal(digestOf(await readFile(to)), digest);
  assert.notEqual(statSync(to).ino, statSync(from).ino);
});

test("a file that has just been written is not cloned: its stamp does not tell the next write", async (t) => {
  const { dir, from } = await weights(t);
  const to = join(dir, "clone");
  const stat = statSync(from, { bigint: true });
  if (!cloneFile({ path: from, stat }, to, 0o644)) return t.skip("this disk shares no blocks between files");
  await rm(to);
  stat.mtimeNs = BigInt(Date.now()) * 1_000_000n;
  assert.equal(cloneFile({ path: from, stat }, to, 0o644), false);
  assert.ok(!existsSync(to));
});

test("a disk that cannot share blocks leaves nothing behind, and the copy is made byte by byte", async (t) => {
  const disk = await smallDisk(t, 4);
  if (disk === null) return t.skip("this user may not mount a file system");
  const { from, bytes } = await weights(t);
  const to = join(disk, "copy");
  assert.equal(cloneFile({ path: from, stat: statSync(from, { bigint: true }) }, to, 0o644), false);
  assert.ok(!existsSync(to));
  copyFile(from, to, 0o644);
  assert.deepEqual(await readFile(to), bytes);
});
