import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { it, type TestContext } from "node:test";
import { openHostConnection } from "../../../src/client/host-connection.ts";
import { pushPackage, type PushPackageOptions } from "../../../src/client/transfer/push-package.ts";
import type { UploadProgress } from "../../../src/client/transfer/upload-files.ts";
import { isAppError } from "../../../src/errors.ts";
import {
  makePackage,
  startTransferServer,
  type TestPackage,
  TRANSFER_KEY,
  type TransferServer,
} from "../../helpers/transfer-server.ts";

const MIB = 1024 * 1024;
/** Small enough that a few megabytes have many parts. */
const SMALL = { whole_file_bytes: MIB, part_bytes: MIB };

function push(server: TransferServer, made: TestPackage, more: Partial<PushPackageOptions> = {}) {
  return pushPackage({
    connection: server.connection,
    ...made,
    limits: server.limits,
    commit: { environment: "production" },
    onOpened() {},
    onProgress() {},
    ...more,
  });
}

async function mixed(t: TestContext): Promise<TestPackage> {
  return makePackage(t, {
    "data/empty": "",
    "data/small.txt": "small",
    "data/same.txt": "small",
    "data/middle.bin": randomBytes(700_000),
    "data/large.bin": randomBytes(6 * MIB + 123),
  });
}

async function assertStored({ store }: TransferServer, { manifest }: TestPackage): Promise<void> {
  for (const [, path, digest] of manifest.files) {
    const bytes = await readFile(store.blobs.pathOf(digest));
    assert.equal(`sha256:${createHash("sha256").update(bytes).digest("hex")}`, digest, path);
  }
}

it("sends each file once, and nothing the second time", async (t) => {
  const server = await startTransferServer(t, { limits: SMALL });
  const made = await mixed(t);
  const seen: UploadProgress[] = [];
  const first = await push(server, made, { onProgress: (progress) => seen.push(progress) });
  const last = seen.at(-1) as UploadProgress;
  assert.equal(last.acknowledged, last.total);
  assert.equal(last.files, last.totalFiles);
  assert.equal(last.totalFiles, made.manifest.files.length - 1, "a file that is there twice travels once");
  assert.ok(seen.every(({ acknowledged, total }) => acknowledged <= total));
  assert.ok(
    seen.every((each, i) => i === 0 || each.acknowledged >= (seen[i - 1] as UploadProgress).acknowledged),
  );
  await assertStored(server, made);
  const second = await push(server, made);
  assert.equal(second.uploaded_bytes, 0);
  assert.notEqual(second.deployment_id, first.deployment_id);
  assert.deepEqual(server.errors, []);
});

it("gets through a server that answers 503 or resets every third request", async (t) => {
  let count = 0;
  const server = await startTransferServer(t, {
    limits: SMALL,
    before(req, res) {
      count += 1;
      if (count % 3 !== 0) return false;
      if (count % 2 === 0) req.socket.resetAndDestroy();
      else res.writeHead(503, { "retry-after": "0" }).end();
      return true;
    },
  });
  const made = await mixed(t);
  await push(server, made);
  await assertStored(server, made);
  assert.equal(server.deployments.length, 1);
});

it("gets through a network that flips a byte: the part is refused and sent again", async (t) => {
  const server = await startTransferServer(t, { limits: SMALL });
  const made = await mixed(t);
  let flips = 1;
  let passed = 0;
  const proxy = createServer((client) => {
    const upstream = connect(Number(new URL(server.url).port), "127.0.0.1");
    client.on("data", (piece) => {
      passed += piece.length;
      if (flips > 0 && passed > 2.5 * MIB && piece.length > 4096) {
        flips -= 1;
        piece[piece.length - 1] = (piece.at(-1) as number) ^ 1;
      }
      upstream.write(piece);
    });
    upstream.pipe(client);
    client.on("error", () => upstream.destroy());
    upstream.on("error", () => client.destroy());
    client.on("close", () => upstream.destroy());
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  const { port } = proxy.address() as { port: number };
  const connection = await openHostConnection({ url: `http://127.0.0.1:${port}`, key: TRANSFER_KEY });
  t.after(async () => {
    await connection.close();
    proxy.close();
  });
  await push(server, made, { connection });
  assert.equal(flips, 0);
  await assertStored(server, made);
});

it("goes on after it was stopped half-way: parts that are there are not sent again", async (t) => {
  const server = await startTransferServer(t, { limits: SMALL });
  const made = await makePackage(t, { "data/large.bin": randomBytes(16 * MIB) });
  const stop = new AbortController();
  const onProgress = ({ acknowledged }: UploadProgress): void => {
    if (acknowledged > 8 * MIB) stop.abort(new Error("stopped"));
  };
  await assert.rejects(push(server, made, { signal: stop.signal, onProgress }), /stopped/);
  let sent = 0;
  await push(server, made, { onProgress: (progress) => (sent = progress.sent) });
  assert.ok(sent <= 8 * MIB, `${sent} bytes were sent again`);
  await assertStored(server, made);
});

it("two clients that send the same large file at once both succeed", async (t) => {
  const server = await startTransferServer(t, { limits: SMALL });
  const made = await makePackage(t, { "data/large.bin": randomBytes(12 * MIB) });
  const other = await openHostConnection({ url: server.url, key: TRANSFER_KEY });
  t.after(() => other.close());
  const done = await Promise.all([push(server, made), push(server, made, { connection: other })]);
  assert.equal(new Set(done.map((each) => each.deployment_id)).size, 2);
  await assertStored(server, made);
  assert.deepEqual(server.errors, []);
});

for (const [name, path, size] of [
  ["a small", "data/small.bin", 1000],
  ["a middle-sized", "data/middle.bin", 700_000],
  ["a large", "data/large.bin", 3 * MIB],
] as const) {
  it(`names ${name} file that is not what was packed, and does not commit`, async (t) => {
    const server = await startTransferServer(t, { limits: SMALL });
    const made = await makePackage(t, { [path]: randomBytes(size) });
    for (const bytes of [size, size - 10, size + 10]) {
      await writeFile(join(made.dir, path), randomBytes(bytes));
      await assert.rejects(push(server, made), (error) => {
        assert.ok(isAppError(error) && error.code === "FILE_CHANGED", String(error));
        assert.match(error.message, new RegExp(path));
        return true;
      });
    }
    assert.equal(server.deployments.length, 0);
    assert.deepEqual(server.errors, []);
  });
}

it("says what is too large before anything is sent", async (t) => {
  const server = await startTransferServer(t, { limits: { file_bytes: 1000 } });
  const made = await makePackage(t, { "data/large.bin": randomBytes(1001) });
  await assert.rejects(push(server, made), /data\/large\.bin has 1001 bytes/);
  assert.deepEqual(server.requests, []);
});

it("opens a push again that has expired, and keeps what was sent", async (t) => {
  const server = await startTransferServer(t);
  const made = await makePackage(t, { "data/a.txt": "a" });
  let opened = 0;
  await push(server, made, {
    onOpened() {
      opened += 1;
      if (opened === 1) server.store.db.exec("UPDATE pushes SET expires_at = '2020-01-01T00:00:00.000Z'");
    },
  });
  assert.equal(opened, 2);
  assert.equal(server.requests.filter((line) => line.includes("files:batch")).length, 1);
});

it("20,000 small files take less than a hundred requests", async (t) => {
  const server = await startTransferServer(t);
  const files: Record<string, string> = {};
  for (let i = 0; i < 20_000; i++) files[`data/${i % 100}/${i}.txt`] = `file ${i}`;
  const made = await makePackage(t, files);
  await push(server, made);
  assert.ok(server.requests.length < 100, `${server.requests.length} requests`);
  assert.equal(server.deployments.length, 1);
});
