import assert from "node:assert/strict";
import { test } from "node:test";
import { parseTarget, TARGETS } from "../../src/protocol/target.ts";
import { hostTargetName, readTarget } from "../../src/util/host-target.ts";

test("this machine is the target unless another is named", () => {
  assert.equal(readTarget(null).name, hostTargetName());
  assert.equal(readTarget("darwin-arm64").os, "darwin");
});

test("each target says what npm and binaries call it", () => {
  assert.deepEqual(parseTarget("linux-x64"), { name: "linux-x64", os: "linux", cpu: "x64", libc: "glibc" });
  assert.deepEqual(parseTarget("linux-arm64-musl"), {
    name: "linux-arm64-musl",
    os: "linux",
    cpu: "arm64",
    libc: "musl",
  });
  assert.equal(parseTarget("darwin-arm64")?.libc, null);
  for (const name of TARGETS) assert.equal(parseTarget(name)?.name, name);
});

test("an unknown target lists those there are", () => {
  assert.throws(() => readTarget("win32-x64"), { code: "TARGET_UNKNOWN", hint: /linux-x64, .*darwin-arm64/ });
});
