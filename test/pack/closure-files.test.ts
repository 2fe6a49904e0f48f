import assert from "node:assert/strict";
import { chmod, symlink } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { closureFiles } from "../../src/pack/closure-files.ts";
import { parseTarget, type Target } from "../../src/protocol/target.ts";
import { makeTree } from "../helpers/make-tree.ts";
import { elfFile, machOFile, peFile } from "../helpers/native-files.ts";
import { tmpDir } from "../helpers/tmp-dir.ts";

const LINUX = parseTarget("linux-x64") as Target;
const GLIBC = elfFile(62, ["libc.so.6"]);

interface Options {
  files: Record<string, string | Uint8Array>;
  reason?: string;
  target?: Target;
  include?: string[];
  exclude?: string[];
}

/** The closure of the package `lib`, as paths below deps/node_modules/. */
async function closure(t: TestContext, options: Options) {
  const dir = await tmpDir(t);
  const tree = { "lib/package.json": '{"name":"lib","version":"1.0.0"}', ...options.files };
  await makeTree(join(dir, "node_modules"), tree);
  return { dir, ...collect(dir, options) };
}

function collect(
  dir: string,
  {
    reason = "reads files beside itself",
    target = LINUX,
    include = [],
    exclude = [],
  }: Omit<Options, "files">,
) {
  const lib = {
    name: "lib",
    version: "1.0.0",
    dir: join(dir, "node_modules/lib"),
    location: "node_modules/lib",
    reason,
  };
  const { files, warnings } = closureFiles({ packages: [lib], target, include, exclude });
  return { paths: files.map(({ path }) => path.replace("deps/node_modules/", "")).sort(), files, warnings };
}

const json = (name: string, rest: object = {}): string => JSON.stringify({ name, version: "1.0.0", ...rest });

test("dependencies come along wherever Node finds them, each once", async (t) => {
  const { paths } = await closure(t, {
    files: {
      "lib/package.json": json("lib", {
        dependencies: { near: "1", far: "1" },
        peerDependencies: { peer: "1", absent: "1" },
      }),
      "lib/node_modules/near/package.json": json("near", { dependencies: { far: "1", lib: "1" } }),
      "far/package.json": json("far"),
      "peer/package.json": json("peer"),
      "stranger/package.json": json("stranger"),
    },
  });
  assert.deepEqual(paths, [
    "far/package.json",
    "lib/node_modules/near/package.json",
    "lib/package.json",
    "peer/package.json",
  ]);
});

test("packages of declarations alone stay out, and are not missed", async (t) => {
  const { paths, warnings } = await closure(t, {
    files: {
      "lib/package.json": json("lib", { dependencies: { "@types/here": "1", "@types/gone": "1" } }),
      "@types/here/package.json": json("@types/here"),
      "@types/here/index.d.ts": "",
    },
  });
  assert.deepEqual([paths, warnings], [["lib/package.json"], []]);
});

test("optional packages for other machines stay out, whatever npm installed", async (t) => {
  const names = {
    "@lib/linux-x64": { os: ["linux"], cpu: ["x64"], libc: ["glibc"] },
    "@lib/linuxmusl-x64": { os: ["linux"], cpu: ["x64"], libc: ["musl"] },
    "@lib/darwin-arm64": { os: ["darwin"], cpu: ["arm64"] },
    "@lib/not-windows": { os: ["!win32"] },
  };
  const files: Record<string, string> = {
    "lib/package.json": json("lib", {
      optionalDependencies: Object.fromEntries(Object.keys(names).map((name) => [name, "1"])),
    }),
  };
  for (const [name, rest] of Object.entries(names)) files[`${name}/package.json`] = json(name, rest);
  const { paths } = await closure(t, { files });
  assert.deepEqual(paths, [
    "@lib/linux-x64/package.json",
    "@lib/not-windows/package.json",
    "lib/package.json",
  ]);
});

test("binaries are told apart by their headers, not by their names", async (t) => {
  const { paths } = await closure(t, {
    files: {
      "lib/prebuilds/linux-x64/addon.node": GLIBC,
      "lib/prebuilds/oddly-named/addon.node": machOFile([0x0100000c]),
      "lib/prebuilds/linux-x64/musl.node": elfFile(62, ["libc.musl-x86_64.so.1"]),
      "lib/build/Release/obj.target/x.o": elfFile(62, []),
      "lib/bin/tool.exe": peFile(0x8664),
      "lib/lib/libx.so.1.2.3": elfFile(183, ["libc.so.6"]),
      "lib/text.node": "not a binary",
    },
  });
  assert.deepEqual(paths, ["lib/package.json", "lib/prebuilds/linux-x64/addon.node", "lib/text.node"]);
});

test("documents, types, maps and tests stay out; licences and what package.json names stay in", async (t) => {
  const { paths } = await closure(t, {
    files: {
      "lib/package.json": json("lib", { main: "./docs/main.js" }),
      "lib/docs/main.js": "",
      "lib/test/a.js": "",
      "lib/lib/test/needed.js": "",
      "lib/README.md": "",
      "lib/LICENSE.md": "",
      "lib/NOTICE": "",
      "lib/types.d.ts": "",
      "lib/main.js.map": "",
      "lib/src/addon.cc": "",
      "lib/binding.gyp": "",
      "lib/data.bin": "",
    },
  });
  assert.deepEqual(paths, [
    "lib/LICENSE.md",
    "lib/NOTICE",
    "lib/data.bin",
    "lib/docs/main.js",
    "lib/lib/test/needed.js",
    "lib/package.json",
  ]);
});

test("build.exclude leaves out, build.include takes back", async (t) => {
  const { paths } = await closure(t, {
    files: {
      "lib/package.json": json("lib", { optionalDependencies: { "@lib/cuda": "1" } }),
      "@lib/cuda/package.json": json("@lib/cuda"),
      "@lib/cuda/big.bin": "",
      "lib/dist/a.jsep.wasm": "",
      "lib/dist/a.wasm": "",
      "lib/docs/prompt.md": "",
    },
    exclude: ["@lib/*cuda*", "lib/dist/*jsep*"],
    include: ["node_modules/lib/docs/**"],
  });
  assert.deepEqual(paths, ["lib/dist/a.wasm", "lib/docs/prompt.md", "lib/package.json"]);
});

test("links within a package become files, links out of it stay behind; execute bits are kept", async (t) => {
  const { dir } = await closure(t, { files: { "lib/lib.so.1": GLIBC, "lib/run.sh": "" } });
  await chmod(join(dir, "node_modules/lib/run.sh"), 0o755);
  await symlink("lib.so.1", join(dir, "node_modules/lib/lib.so"));
  await symlink("/etc/hostname", join(dir, "node_modules/lib/host"));
  const { paths, files } = collect(dir, {});
  assert.deepEqual(paths, ["lib/lib.so", "lib/lib.so.1", "lib/package.json", "lib/run.sh"]);
  assert.equal(files.find(({ path }) => path.endsWith("run.sh"))?.mode, "755");
});

test("a dependency that is not installed is a warning that names who needs it", async (t) => {
  const { warnings } = await closure(t, {
    files: { "lib/package.json": json("lib", { dependencies: { gone: "1" } }) },
  });
  assert.deepEqual(
    warnings.map(({ message }) => message),
    ["lib needs gone, which is not installed"],
  );
});

test("nothing that the target can load: the package and what there is are named", async (t) => {
  const musl = parseTarget("linux-x64-musl") as Target;
  const files = { "lib/a.node": GLIBC, "lib/b.node": machOFile([0x0100000c]) };
  await assert.rejects(closure(t, { files, target: musl, reason: "native addon" }), {
    code: "WRONG_PLATFORM",
    message: "lib@1.0.0 has no binary for linux-x64-musl, only for darwin-arm64, linux-x64.",
  });
  await assert.rejects(closure(t, { files: {}, reason: "native addon" }), {
    code: "WRONG_PLATFORM",
    message: /lib@1\.0\.0 is a native addon, and there is no binary of it for linux-x64/,
  });
  await closure(t, { files: { "lib/fallback.wasm": "" }, reason: "native addon" });
  await closure(t, {
    files: { "lib/a.node": GLIBC, "lib/b.node": machOFile([0x0100000c]) },
    reason: "native addon",
  });
});

test("a package that is only needed by one outside the bundle is held to the same, unless it is optional", async (t) => {
  const files = (kind: string): Record<string, string | Uint8Array> => ({
    "lib/package.json": json("lib", { dependencies: { inner: "1" } }),
    "inner/package.json": json("inner", { [kind]: { addon: "1" } }),
    "addon/package.json": json("addon"),
    "addon/prebuilds/darwin-arm64/addon.node": machOFile([0x0100000c]),
  });
  await assert.rejects(closure(t, { files: files("dependencies") }), {
    code: "WRONG_PLATFORM",
    message: "addon@1.0.0 (needed by inner) has no binary for linux-x64, only for darwin-arm64.",
  });
  await closure(t, { files: files("optionalDependencies") });
  await closure(t, { files: files("dependencies"), exclude: ["addon/**/*.node"] });
  const compiled = { ...files("dependencies"), "addon/binding.gyp": "{}" };
  await assert.rejects(closure(t, { files: compiled, exclude: ["addon/**/*.node"] }), {
    code: "WRONG_PLATFORM",
    message: /^addon@1\.0\.0 \(needed by inner\) is a native addon, and there is no binary of it/,
  });
});

test("binaries in packages for platforms: none for the target is told also where the owner is not imported", async (t) => {
  const files = (os: string): Record<string, string | Uint8Array> => ({
    "lib/package.json": json("lib", { dependencies: { inner: "1" } }),
    "inner/package.json": json("inner", {
      optionalDependencies: { "@inner/linux-x64": "1", "@inner/darwin-arm64": "1" },
    }),
    [`@inner/${os}/package.json`]: json(`@inner/${os}`, { os: [os.split("-")[0]], cpu: [os.split("-")[1]] }),
    [`@inner/${os}/a.node`]: os === "linux-x64" ? GLIBC : machOFile([0x0100000c]),
  });
  await closure(t, { files: files("linux-x64") });
  await assert.rejects(closure(t, { files: files("darwin-arm64") }), {
    code: "WRONG_PLATFORM",
    message: /^inner@1\.0\.0 \(needed by lib\) is a native addon, and there is no binary of it for linux-x64/,
  });
});

test("what is optional for one and needed by another is needed, whichever is met first", async (t) => {
  const files = {
    "lib/package.json": json("lib", { optionalDependencies: { addon: "1" }, dependencies: { zinner: "1" } }),
    "zinner/package.json": json("zinner", { dependencies: { addon: "1" } }),
    "addon/package.json": json("addon", { dependencies: { deep: "1" } }),
    "addon/index.js": "",
    "deep/package.json": json("deep"),
    "deep/a.node": machOFile([0x0100000c]),
  };
  await assert.rejects(closure(t, { files }), { code: "WRONG_PLATFORM", message: /^deep@1\.0\.0/ });
});
