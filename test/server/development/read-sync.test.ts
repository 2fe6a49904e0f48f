import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import type { SyncRequest } from "../../../src/protocol/development.ts";
import type { Digest } from "../../../src/protocol/manifest.ts";
import { parseSync } from "../../../src/server/development/read-sync.ts";
import { HostError } from "../../../src/server/host-error.ts";
import { seededRandom } from "../../helpers/random.ts";

const digestOf = (bytes: string): Digest => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

function body(head: unknown, files: readonly string[] = []): Buffer {
  const text = Buffer.from(typeof head === "string" ? head : JSON.stringify(head));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(text.length);
  return Buffer.concat([length, text, ...files.map((file) => Buffer.from(file))]);
}

const FILES = ["first", "", "the third of them"];
const VALID: SyncRequest = {
  session: "wat_1",
  base: digestOf("base"),
  target: digestOf("target"),
  about: {
    runtime_version: "1",
    entry: { module: "code/model.mjs", class_name: "Model", source: "model/model.ts" },
  },
  put: [["code", "code/model.mjs", digestOf("first"), 5, "644"]],
  delete: ["data/gone.txt"],
  inline: FILES.map((file) => [digestOf(file), file.length]),
  kind: "methods",
  live: null,
  anew: false,
  reason: "predict changed",
};

function refused(bytes: Buffer): void {
  assert.throws(
    () => parseSync(bytes),
    (error: unknown) => error instanceof HostError && error.code === "BAD_BATCH",
  );
}

describe("a sync as it comes", () => {
  it("is read with its files in order, empty ones too", () => {
    const { request, files } = parseSync(body(VALID, FILES));
    assert.deepEqual(request, VALID);
    assert.deepEqual(
      files.map(({ digest, bytes }) => [digest, Buffer.from(bytes).toString()]),
      FILES.map((file) => [digestOf(file), file]),
    );
  });

  it("cut off anywhere, or with more behind it, is refused", () => {
    const whole = body(VALID, FILES);
    for (let length = 0; length < whole.length; length++) refused(whole.subarray(0, length));
    refused(Buffer.concat([whole, Buffer.from("x")]));
  });

  it("each field that is not what it must be is refused", () => {
    const wrong: [keyof SyncRequest, unknown[]][] = [
      ["session", ["", "x".repeat(129), 1, null]],
      ["base", ["sha256:1", 1, "main"]],
      ["target", [null, "sha256:", 1]],
      ["live", ["x", 1]],
      ["kind", ["settings", null]],
      ["anew", ["yes", 1, null]],
      ["reason", [null, 1, "x".repeat(10_001)]],
      ["inline", [null, {}, [["x", 1]], [[digestOf("a"), -1]], [[digestOf("a"), 1.5]], [[digestOf("a")]]]],
      [
        "put",
        [
          null,
          {},
          [["nowhere", "code/x", digestOf("a"), 1, "644"]],
          [["code", 1, digestOf("a"), 1, "644"]],
          [[]],
        ],
      ],
      ["delete", [null, [1], "data"]],
      ["about", [null, 1]],
    ];
    for (const [field, values] of wrong) {
      for (const value of [...values, undefined]) refused(body({ ...VALID, inline: [], [field]: value }));
    }
    for (const head of ["", "null", "[]", "1", "{", '"text"']) refused(body(head));
  });

  it("whatever comes, it is read or refused, and nothing else happens", () => {
    const random = seededRandom(7);
    const whole = body(VALID, FILES);
    let read = 0;
    for (let round = 0; round < 20_000; round++) {
      const bytes = Buffer.from(whole);
      for (let change = 0; change <= random.int(3); change++)
        bytes[random.int(bytes.length)] = random.int(256);
      try {
        const { request, files } = parseSync(bytes);
        assert.equal(files.length, request.inline.length);
        read += 1;
      } catch (error) {
        assert.ok(error instanceof HostError && error.code === "BAD_BATCH", String(error));
      }
    }
    assert.ok(read > 0 && read < 20_000, `${read} were read`);
  });
});
