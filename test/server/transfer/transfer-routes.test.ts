import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { sha256 } from "../../../src/pack/digest.ts";
import type { FileEntry } from "../../../src/protocol/manifest.ts";
import { BATCH_TYPE, type PushOpened, type UploadOpened } from "../../../src/protocol/transfer.ts";
import {
  makePackage,
  manifestOf,
  startTransferServer,
  TRANSFER_KEY,
  type TransferServer,
} from "../../helpers/transfer-server.ts";
import { until } from "../../helpers/until.ts";

const DIGEST = sha256("x");
const ENTRY: FileEntry = ["code", "code/model.mjs", DIGEST, 1, "644"];
const JSON_TYPE = { "content-type": "application/json" };

function post(server: TransferServer, path: string, body: unknown): Promise<Response> {
  return server.fetch(`/v1/models/m/${path}`, {
    method: "POST",
    headers: JSON_TYPE,
    body: JSON.stringify(body),
  });
}

async function codeOf(answer: Response): Promise<string> {
  return ((await answer.json()) as { code: string }).code;
}

function rows(server: TransferServer, table: string): number {
  return (server.store.db.prepare(`SELECT count(*) AS n FROM ${table}`).get() as { n: number }).n;
}

describe("a hostile manifest is refused, and nothing of it is kept", () => {
  const withFile = (path: string): FileEntry[] => [ENTRY, ["data", path, DIGEST, 1, "644"]];
  const bad: Record<string, FileEntry[]> = {
    "a path upwards": withFile("data/../../x"),
    "an absolute path": withFile("/etc/passwd"),
    "a backslash": withFile("data/a\\b"),
    "a NUL": withFile("data/a\0b"),
    "a whiteout": withFile("data/.wh.a"),
    "a name that is not NFC": withFile("data/e\u0301"),
    "a name of 300 bytes": withFile(`data/${"a".repeat(300)}`),
    "a path of 1025 bytes": withFile(`data/${"a/".repeat(510)}a`),
    "twins but for case": [...withFile("data/a"), ["data", "data/A", DIGEST, 1, "644"]],
    "a file listed twice": [...withFile("data/a"), ["data", "data/a", DIGEST, 1, "644"]],
    "a file that is a folder, too": [...withFile("data/a"), ["data", "data/a/b", DIGEST, 1, "644"]],
    "a right-to-left mark": withFile("data/\u202egnp.exe"),
    "a drive letter": withFile("c:/x"),
  };
  for (const [name, entries] of Object.entries(bad)) {
    it(name, async (t) => {
      const server = await startTransferServer(t);
      const answer = await post(server, "pushes", manifestOf(entries));
      assert.equal(answer.status, 400);
      const body = (await answer.json()) as { code: string; details: { path: string; reason: string } };
      assert.equal(body.code, "BAD_PATH");
      assert.ok(entries.some(([, path]) => path === body.details.path));
      assert.ok(body.details.reason.length > 0);
      assert.equal(rows(server, "pushes"), 0);
    });
  }

  it("a digest that does not follow, sizes that differ, an entry outside, another target, odd shapes", async (t) => {
    const server = await startTransferServer(t);
    const good = manifestOf([ENTRY]);
    const cases: [unknown, string][] = [
      [{ ...good, package: DIGEST }, "BAD_MANIFEST"],
      [manifestOf([ENTRY, ["data", "data/a", DIGEST, 2, "644"]]), "BAD_MANIFEST"],
      [manifestOf([["data", "code/a", DIGEST, 1, "644"]]), "BAD_MANIFEST"],
      [{ ...good, entry: { ...good.entry, module: "../../bin/sh" } }, "BAD_MANIFEST"],
      [{ ...good, files: [["code", "code/model.mjs", DIGEST, -1, "644"]] }, "BAD_MANIFEST"],
      [{ ...good, files: [["code", "code/model.mjs", DIGEST, 1, "777"]] }, "BAD_MANIFEST"],
      [{ ...good, files: null }, "BAD_MANIFEST"],
      [{ ...good, schema: 2 }, "BAD_MANIFEST"],
      [null, "BAD_MANIFEST"],
      [[], "BAD_MANIFEST"],
      ["text", "BAD_MANIFEST"],
      [{ ...good, model_name: "other" }, "MANIFEST_MISMATCH"],
    ];
    for (const [manifest, code] of cases) {
      const answer = await post(server, "pushes", manifest);
      assert.equal(await codeOf(answer), code, JSON.stringify(manifest));
    }
    assert.equal(rows(server, "pushes"), 0);
    assert.deepEqual(server.errors, []);
  });

  it("a name of a model that is a path", async (t) => {
    const server = await startTransferServer(t);
    for (const name of ["..%2F..%2Fx", "a%2Fb", "A", "%00", "x".repeat(64)]) {
      const model = decodeURIComponent(name);
      const answer = await server.fetch(`/v1/models/${name}/pushes`, {
        method: "POST",
        headers: JSON_TYPE,
        body: JSON.stringify(manifestOf([ENTRY], model)),
      });
      assert.equal(answer.status, 400, name);
    }
    assert.equal(rows(server, "pushes"), 0);
  });
});

describe("limits", () => {
  it("too many files, too large a file, too large a package", async (t) => {
    const limits = { package_files: 2, file_bytes: 100, package_bytes: 150 };
    const server = await startTransferServer(t, { limits });
    const data = (sizes: number[]): FileEntry[] =>
      sizes.map((size, i) => ["data", `data/${i}`, sha256(`${i}`), size, "644"]);
    for (const [sizes, code] of [
      [[1, 1], "TOO_MANY_FILES"],
      [[101], "FILE_TOO_LARGE"],
    ] as const) {
      const answer = await post(server, "pushes", manifestOf([ENTRY, ...data([...sizes])]));
      assert.equal(answer.status, 413);
      assert.equal(await codeOf(answer), code);
    }
    const large: FileEntry = ["code", "code/model.mjs", DIGEST, 100, "644"];
    const answer = await post(server, "pushes", manifestOf([large, ...data([100])]));
    assert.equal(await codeOf(answer), "PACKAGE_TOO_LARGE");
  });

  it("10 GB of Content-Length are refused before a byte of them has come", async (t) => {
    const server = await startTransferServer(t);
    for (const target of [
      `PUT /v1/models/m/files/${DIGEST}`,
      "POST /v1/models/m/pushes",
      "POST /v1/models/m/files:batch",
    ]) {
      const head = await rawRequest(server, `${target} HTTP/1.1`, [
        `content-type: ${BATCH_TYPE}`,
        "content-length: 10000000000",
      ]);
      assert.match(head, /^HTTP\/1\.1 413 /, target);
      assert.match(head, /connection: close/i);
    }
  });

  it("a gzip bomb is refused while it is unpacked, and the host stays small", async (t) => {
    const server = await startTransferServer(t);
    const bomb = gzipSync(Buffer.alloc(256 * 1024 * 1024));
    const before = process.memoryUsage().rss;
    const answer = await server.fetch("/v1/models/m/pushes", {
      method: "POST",
      headers: { ...JSON_TYPE, "content-encoding": "gzip" },
      body: bomb,
    });
    assert.equal(answer.status, 400);
    assert.match(((await answer.json()) as { error: string }).error, /hundredfold/);
    assert.ok(process.memoryUsage().rss - before < 100 * 1024 * 1024);
  });

  it("a packed body that is too large once it is unpacked", async (t) => {
    const server = await startTransferServer(t, { limits: { manifest_bytes: 100_000 } });
    const answer = await server.fetch("/v1/models/m/pushes", {
      method: "POST",
      headers: { ...JSON_TYPE, "content-encoding": "gzip" },
      body: gzipSync(randomBytes(60_000).toString("hex")),
    });
    assert.equal(answer.status, 413);
    assert.equal(await codeOf(answer), "BODY_TOO_LARGE");
  });

  it("a body that crawls is cut: 408, nothing is left of it", async (t) => {
    const server = await startTransferServer(t, { limits: { body_idle_seconds: 1 } });
    const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
    t.after(() => socket.destroy());
    socket.write(
      `PUT /v1/models/m/files/${DIGEST} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${TRANSFER_KEY}\r\ncontent-length: 1000\r\n\r\n`,
    );
    const drip = setInterval(() => socket.write("a"), 200);
    t.after(() => clearInterval(drip));
    const [head] = (await once(socket, "data")) as [Buffer];
    assert.match(head.toString(), /^HTTP\/1\.1 408 /);
    assert.deepEqual(readdirSync(join(server.store.dir, "tmp")), []);
  });
});

describe("files", () => {
  it("another content than the digest says is refused, and nothing is left", async (t) => {
    const server = await startTransferServer(t);
    const answer = await server.fetch(`/v1/models/m/files/${DIGEST}`, { method: "PUT", body: "y" });
    assert.equal(answer.status, 422);
    assert.equal(await codeOf(answer), "DIGEST_MISMATCH");
    assert.equal(rows(server, "blobs"), 0);
    assert.deepEqual(readdirSync(join(server.store.dir, "tmp")), []);
  });

  it("a commit with a missing file names it, one with a wrong size is refused, and neither deploys", async (t) => {
    const server = await startTransferServer(t);
    const wrong = manifestOf([["code", "code/model.mjs", DIGEST, 5, "644"]]);
    const opened = (await (await post(server, "pushes", wrong)).json()) as PushOpened;
    const commit = (): Promise<Response> =>
      post(server, `pushes/${opened.push_id}:commit`, { environment: "production" });
    const early = await commit();
    assert.equal(early.status, 409);
    const { details } = (await early.json()) as { details: { missing: string[] } };
    assert.deepEqual(details.missing, [DIGEST]);
    assert.equal(
      (await server.fetch(`/v1/models/m/files/${DIGEST}`, { method: "PUT", body: "x" })).status,
      201,
    );
    assert.equal(await codeOf(await commit()), "BAD_MANIFEST");
    assert.deepEqual(server.deployments, []);
  });

  it("what one model has sent another one does not have", async (t) => {
    const server = await startTransferServer(t);
    await server.fetch(`/v1/models/m/files/${DIGEST}`, { method: "PUT", body: "x" });
    const answer = await server.fetch("/v1/models/n/files:missing", {
      method: "POST",
      headers: JSON_TYPE,
      body: JSON.stringify({ digests: [DIGEST] }),
    });
    assert.deepEqual(await answer.json(), { missing: [DIGEST] });
  });

  it("the same commit twice is one deployment", async (t) => {
    const server = await startTransferServer(t);
    const { manifest } = await makePackage(t, {});
    const opened = (await (await post(server, "pushes", manifest)).json()) as PushOpened;
    const [[, , digest]] = manifest.files as [FileEntry];
    await server.fetch(`/v1/models/m/files/${digest}`, {
      method: "PUT",
      body: "export default class Model {}\n",
    });
    const commit = { environment: "production" };
    const first = await post(server, `pushes/${opened.push_id}:commit`, commit);
    const second = await post(server, `pushes/${opened.push_id}:commit`, commit);
    assert.deepEqual([first.status, second.status], [201, 200]);
    assert.deepEqual(await second.json(), await first.json());
    assert.equal(server.deployments.length, 1);
  });
});

describe("parts", () => {
  it("a torn part is not received, a wrong one is refused, the right one counts once", async (t) => {
    const server = await startTransferServer(t, { limits: { part_bytes: 1000 } });
    const bytes = randomBytes(1500);
    const file = { digest: sha256(bytes), size: bytes.length };
    const opened = (await (await post(server, "uploads", file)).json()) as UploadOpened;
    const place = `/v1/models/m/uploads/${opened.upload_id}`;
    const put = (part: number, body: Buffer, of = body): Promise<Response> =>
      server.fetch(`${place}/parts/${part}`, {
        method: "PUT",
        body: new Uint8Array(body),
        headers: {
          "content-digest": `sha-256=:${Buffer.from(sha256(of).slice(7), "hex").toString("base64")}:`,
        },
      });
    const received = async (): Promise<unknown> =>
      ((await (await server.fetch(place)).json()) as UploadOpened).received;
    const [first, last] = [bytes.subarray(0, 1000), bytes.subarray(1000)];
    const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
    socket.write(
      `PUT ${place}/parts/0 HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${TRANSFER_KEY}\r\ncontent-length: 1000\r\ncontent-digest: sha-256=:${"A".repeat(43)}=:\r\n\r\n`,
    );
    socket.write(first.subarray(0, 500));
    await until(() => server.requests.includes(`PUT ${place}/parts/0`), {
      what: "the part to be in progress",
    });
    assert.equal(await codeOf(await put(0, first)), "PART_IN_PROGRESS");
    socket.resetAndDestroy();
    assert.deepEqual(await received(), []);
    await until(async () => (await put(0, last, first)).status === 400, {
      what: "a dead socket to free the part",
    });
    assert.equal(await codeOf(await put(0, randomBytes(1000), first)), "PART_MISMATCH");
    assert.deepEqual(await received(), []);
    for (let i = 0; i < 2; i++) assert.equal((await put(1, last)).status, 204);
    const early = await server.fetch(`${place}:complete`, { method: "POST" });
    assert.equal(early.status, 409);
    assert.deepEqual(((await early.json()) as { details: unknown }).details, { missing: [0] });
    assert.equal((await put(0, first)).status, 204);
    assert.equal((await server.fetch(`${place}:complete`, { method: "POST" })).status, 201);
    assert.deepEqual(await (await post(server, "uploads", file)).json(), { exists: true });
    assert.deepEqual(server.errors, []);
  });

  it("a refused body that never comes does not end the host when its time is over", async (t) => {
    const server = await startTransferServer(t, { limits: { body_idle_seconds: 1 } });
    const uncaught: unknown[] = [];
    const onUncaught = (error: unknown): number => uncaught.push(error);
    process.on("uncaughtException", onUncaught);
    t.after(() => process.off("uncaughtException", onUncaught));
    const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
    t.after(() => socket.destroy());
    const path = "/v1/models/m/uploads/upl_none/parts/0";
    socket.write(
      `PUT ${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${TRANSFER_KEY}\r\ncontent-length: 100000\r\ncontent-digest: sha-256=:${"A".repeat(43)}=:\r\n\r\n`,
    );
    const [head] = (await once(socket, "data")) as [Buffer];
    assert.match(head.toString(), /^HTTP\/1\.1 404 /);
    const since = performance.now();
    await until(() => performance.now() - since > 1500);
    assert.deepEqual(uncaught, []);
    assert.equal((await post(server, "files:missing", { digests: [] })).status, 200);
  });
});

/** The head of the answer to a request whose body never comes. */
async function rawRequest(server: TransferServer, line: string, headers: string[]): Promise<string> {
  const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
  try {
    socket.write([line, "host: x", `authorization: Bearer ${TRANSFER_KEY}`, ...headers, "", ""].join("\r\n"));
    const [head] = (await once(socket, "data")) as [Buffer];
    return head.toString();
  } finally {
    socket.destroy();
  }
}
