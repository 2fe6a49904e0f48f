import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { type AddonAbi, readAddonAbi } from "../../src/pack/addon-abi.ts";
import { boundTo, compileAddon, NO_COMPILER, NODE_API_ADDON, staticAddon } from "../helpers/compile-addon.ts";
import { elfFile, machOFile, peFile } from "../helpers/native-files.ts";
import { seededRandom } from "../helpers/random.ts";
import { tmpDir } from "../helpers/tmp-dir.ts";

const ABI = Number(process.versions.modules);
const OTHER = ABI === 115 ? 127 : 115;

const ADDONS: Record<string, [source: string, abi: AddonAbi | null]> = {
  "an addon for one Node": [boundTo(115), [115]],
  "an addon for two": [boundTo(137, 127), [127, 137]],
  "an addon of Node-API": [NODE_API_ADDON, "any"],
  "an addon of Node-API that is for one Node, too": [NODE_API_ADDON + boundTo(115), "any"],
  "an addon of Node-API that registers itself": [
    "extern void napi_module_register(void *m);\nvoid begin(void) { napi_module_register(0); }\n",
    "any",
  ],
  "an addon that registers itself": [staticAddon(115), "building"],
  "a library that is no addon": ["int answer(void) { return 42; }\n", null],
  "a library with a name that only looks so": ["int node_register_module_v115x(void) { return 1; }\n", null],
  "an addon that only mentions another's name": [
    `const char *text = "node_register_module_v115"; ${boundTo(127)}`,
    [127],
  ],
};

for (const [name, [source, abi]] of Object.entries(ADDONS)) {
  test(`${name}: ${JSON.stringify(abi)}`, { skip: NO_COMPILER }, async (t) => {
    assert.deepEqual(readAddonAbi(await compileAddon(t, source)), abi);
  });
}

test("what is told of an addon is what Node says of it", { skip: NO_COMPILER }, async (t) => {
  for (const source of [boundTo(ABI), boundTo(OTHER), NODE_API_ADDON, staticAddon(ABI), staticAddon(OTHER)]) {
    const file = await compileAddon(t, source);
    const told = readAddonAbi(file);
    // One that registers itself is taken to be for the Node that builds the package: this one.
    const fits = told === "any" || (told === "building" ? source === staticAddon(ABI) : told?.includes(ABI));
    const loads = (): unknown =>
      execFileSync(process.execPath, ["-p", `require(${JSON.stringify(file)})`], { stdio: "pipe" });
    if (fits) loads();
    else assert.throws(loads, /self-register|different Node\.js version/, source);
  }
});

test("Mach-O: thin and for two machines, with C's underscore", async (t) => {
  const file = join(await tmpDir(t), "addon.node");
  const thin = withSymbols("\0_node_register_module_v127\0_init\0");
  await writeFile(file, thin);
  assert.deepEqual(readAddonAbi(file), [127]);

  const fat = Buffer.alloc(8192 + thin.length);
  machOFile([0x01000007, 0x0100000c]).copy(fat);
  [4096, 8192].forEach((start, index) => {
    fat.writeUInt32BE(start, 8 + 20 * index + 8);
    thin.copy(fat, start);
  });
  await writeFile(file, fat);
  assert.deepEqual(readAddonAbi(file), [127]);
  await writeFile(file, withSymbols("\0_napi_register_module_v1\0"));
  assert.equal(readAddonAbi(file), "any");
});

test("other files and damaged ones are no addons, without a throw", { skip: NO_COMPILER }, async (t) => {
  const file = join(await tmpDir(t), "addon.node");
  for (const bytes of [Buffer.from("text"), Buffer.alloc(5000), elfFile(62, []), peFile(0x8664)]) {
    await writeFile(file, bytes);
    assert.equal(readAddonAbi(file), null);
  }
  const random = seededRandom(7);
  for (const whole of [await readFile(await compileAddon(t, boundTo(115))), withSymbols("\0_x\0")]) {
    for (let round = 0; round < 200; round++) {
      const bytes = Buffer.from(whole);
      for (let hit = 0; hit < 6; hit++) bytes[random.int(Math.min(bytes.length, 1024))] = random.int(256);
      await writeFile(file, bytes.subarray(0, random.int(bytes.length)));
      readAddonAbi(file);
    }
  }
});

/** A thin Mach-O file with a symbol table of these names. */
function withSymbols(names: string): Buffer {
  const file = Buffer.alloc(256);
  machOFile([0x0100000c]).copy(file);
  file.writeUInt32LE(24, 20);
  file.writeUInt32LE(2, 32);
  file.writeUInt32LE(24, 36);
  file.writeUInt32LE(128, 48);
  file.writeUInt32LE(names.length, 52);
  file.write(names, 128, "latin1");
  return file;
}
