import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { describeBinary, readNativeBinary, runsOn } from "../../src/pack/native-binary.ts";
import { parseTarget, type Target, TARGETS } from "../../src/protocol/target.ts";
import { elfFile, machOFile, peFile } from "../helpers/native-files.ts";
import { seededRandom } from "../helpers/random.ts";
import { tmpDir } from "../helpers/tmp-dir.ts";

const FILES: Record<string, [bytes: Buffer, runsOn: string[]]> = {
  "glibc, x64": [elfFile(62, ["libm.so.6", "libc.so.6"]), ["linux-x64"]],
  "glibc, arm64": [elfFile(183, ["libc.so.6", "ld-linux-aarch64.so.1"]), ["linux-arm64"]],
  "Alpine's musl, x64": [elfFile(62, ["libc.musl-x86_64.so.1"]), ["linux-x64-musl"]],
  "a toolchain's musl, arm64": [elfFile(183, ["libgcc_s.so.1", "libc.so"]), ["linux-arm64-musl"]],
  "no libc at all, x64": [elfFile(62, []), ["linux-x64", "linux-x64-musl"]],
  "Android, arm64": [elfFile(183, ["libc.so", "libdl.so"]), []],
  riscv64: [elfFile(243, ["libc.so.6"]), []],
  "Mach-O, arm64": [machOFile([0x0100000c]), ["darwin-arm64"]],
  "Mach-O, x64": [machOFile([0x01000007]), ["darwin-x64"]],
  "Mach-O, both": [machOFile([0x01000007, 0x0100000c]), ["darwin-arm64", "darwin-x64"]],
  "Windows, x64": [peFile(0x8664), []],
};

for (const [name, [bytes, targets]] of Object.entries(FILES)) {
  test(`${name} runs on ${targets.join(", ") || "no target of ours"}`, async (t) => {
    const binary = await read(t, bytes);
    assert.ok(binary, "it is recognised");
    const known = TARGETS.filter((target) => runsOn(binary, parseTarget(target) as Target));
    assert.deepEqual(known.toSorted(), targets.toSorted(), describeBinary(binary));
  });
}

test("this very Node is for this very machine", () => {
  const binary = readNativeBinary(process.execPath);
  assert.equal(binary?.os, process.platform);
  assert.ok(binary.cpus.includes(process.arch));
});

test("other files are no binaries", async (t) => {
  const javaClass = Buffer.concat([Buffer.from("cafebabe00000034", "hex"), Buffer.alloc(100)]);
  for (const bytes of [
    Buffer.from("#!/bin/sh\n".padEnd(100)),
    Buffer.alloc(10),
    Buffer.alloc(200),
    javaClass,
  ]) {
    assert.equal(await read(t, bytes), null);
  }
});

test("damaged headers are read without a throw and without much memory", async (t) => {
  const random = seededRandom(5);
  const dir = await tmpDir(t);
  const whole = elfFile(62, ["libc.so.6"]);
  for (let round = 0; round < 400; round++) {
    const bytes = Buffer.from(whole);
    for (let hit = 0; hit < 4; hit++) bytes[4 + random.int(bytes.length - 4)] = random.int(256);
    const file = join(dir, "damaged.node");
    await writeFile(file, bytes.subarray(0, 64 + random.int(bytes.length - 64)));
    readNativeBinary(file);
  }
});

async function read(t: TestContext, bytes: Buffer) {
  const file = join(await tmpDir(t), "x.node");
  await writeFile(file, bytes);
  return readNativeBinary(file);
}
