import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { it } from "node:test";
import { batchBody } from "../../../src/client/transfer/batch-body.ts";
import { sha256 } from "../../../src/pack/digest.ts";
import type { FileEntry } from "../../../src/protocol/manifest.ts";
import { TRANSFER_LIMITS } from "../../../src/protocol/transfer.ts";
import { HostError } from "../../../src/server/host-error.ts";
import { parseBatch, readBatch } from "../../../src/server/transfer/read-batch.ts";
import { makeTree } from "../../helpers/make-tree.ts";
import { seededRandom } from "../../helpers/random.ts";
import { tmpDir } from "../../helpers/tmp-dir.ts";

const LIMITS = { ...TRANSFER_LIMITS, batch_files: 50, batch_file_bytes: 2000, batch_bytes: 20_000 };

it("what the client writes is read again, whichever way it is cut", async (t) => {
  const dir = await tmpDir(t);
  const random = seededRandom(1);
  for (let round = 0; round < 30; round++) {
    const files: Record<string, Buffer> = {};
    for (let i = random.int(12); i >= 0; i--) files[`data/${i}`] = bytesOf(random.int(1500), random.int);
    await makeTree(dir, files);
    const entries = Object.entries(files).map(([path, bytes]): FileEntry => [
      "data",
      path,
      sha256(bytes),
      bytes.length,
      "644",
    ]);
    const body = batchBody(dir, entries);
    const pieces: Buffer[] = [];
    for (let at = 0; at < body.length;) {
      const end = Math.min(body.length, at + 1 + random.int(round % 2 === 0 ? 7 : 4000));
      pieces.push(body.subarray(at, end));
      at = end;
    }
    const read = await readBatch(Readable.from(pieces), LIMITS);
    assert.deepEqual(
      read.map(({ digest, bytes }) => [digest, bytes.length, sha256(bytes)]),
      entries.map(([, , digest, size]) => [digest, size, digest]),
    );
  }
});

it("a batch with random damage is read or refused with BAD_BATCH, never anything else", () => {
  const random = seededRandom(2);
  const head = Buffer.from(JSON.stringify([[sha256("a"), 1], [sha256("bb"), 2]])); // prettier-ignore
  const length = Buffer.alloc(4);
  length.writeUInt32BE(head.length);
  const whole = Buffer.concat([length, head, Buffer.from("abb")]);
  assert.equal(parseBatch(whole, LIMITS).length, 2);
  let refused = 0;
  for (let round = 0; round < 3000; round++) {
    let body = Buffer.from(whole);
    for (let i = random.int(3); i >= 0; i--) body[random.int(body.length)] = random.int(256);
    if (random.int(3) === 0) body = body.subarray(0, random.int(body.length));
    try {
      parseBatch(body, LIMITS);
    } catch (error) {
      assert.ok(error instanceof HostError && error.code === "BAD_BATCH", String(error));
      refused += 1;
    }
  }
  assert.ok(refused > 1000);
});

it("limits hold: files, bytes of a file, bytes in all, bytes too many", async () => {
  const batch = (entries: unknown, bytes: number): Buffer => {
    const head = Buffer.from(JSON.stringify(entries));
    const length = Buffer.alloc(4);
    length.writeUInt32BE(head.length);
    return Buffer.concat([length, head, Buffer.alloc(bytes)]);
  };
  const digest = sha256("a");
  const cases = [
    batch(
      Array.from({ length: 51 }, () => [digest, 0]),
      0,
    ),
    batch([[digest, 2001]], 2001),
    batch([[digest, 1]], 2),
    batch([[digest, 2]], 1),
    batch([[digest, -1]], 0),
    batch([[digest, 1e300]], 1),
    batch([["sha256:x", 1]], 1),
    batch({}, 0),
    Buffer.alloc(3),
    Buffer.alloc(40_000),
  ];
  for (const body of cases) {
    await assert.rejects(readBatch(Readable.from([body]), LIMITS), { code: "BAD_BATCH" });
  }
});

function bytesOf(length: number, int: (below: number) => number): Buffer {
  return Buffer.from(Array.from({ length }, () => int(256)));
}
