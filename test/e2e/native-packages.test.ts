import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test, type TestContext } from "node:test";
import { promisify } from "node:util";
import type { BuildResult } from "../../src/actions/build.ts";
import { readManifestFile } from "../../src/pack/earlier-package.ts";
import { readPackageJson, suits } from "../../src/pack/dependency-graph.ts";
import { readNativeBinary } from "../../src/pack/native-binary.ts";
import { parseTarget, type TargetName } from "../../src/protocol/target.ts";
import { hostTargetName } from "../../src/util/host-target.ts";
import type { ActionEvent } from "../../src/events.ts";
import { buildProject, makeProject } from "../helpers/build-project.ts";
import { callPacked } from "../helpers/call-packed.ts";
import { installPackages } from "../helpers/install-packages.ts";
import { scaffold } from "./templates/template-project.ts";

interface Case {
  packages: Record<string, string>;
  model: string;
  input: unknown;
  answer: (value: unknown) => void;
  /** Exactly these stay outside the bundle. */
  outside: string[];
}

const CASES: Record<string, Case> = {
  "onnxruntime-node and sharp: native addons with libraries beside them": {
    packages: { "onnxruntime-node": "1.30.0", sharp: "0.35.5" },
    model: `import { InferenceSession, Tensor } from "onnxruntime-node";
import sharp from "sharp";
export class Model {
  async predict(size: number) {
    const { data, info } = await sharp({ create: { width: size, height: 2, channels: 3, background: "red" } })
      .raw().toBuffer({ resolveWithObject: true });
    const tensor = new Tensor("float32", Float32Array.from([data[0], data[1]]), [2]);
    // Only the native library can tell what is wrong with these bytes.
    const said = await InferenceSession.create(Uint8Array.of(1, 2, 3)).catch((error: Error) => error.message);
    return [info.width, tensor.dims, /protobuf/i.test(String(said))];
  }
}`,
    input: 5,
    answer: (value) => assert.deepEqual(value, [5, [2], true]),
    outside: ["onnxruntime-node", "sharp"],
  },
  "fasttext.wasm.js: wasm and weights found by import.meta.url": {
    packages: { "fasttext.wasm.js": "1.0.0" },
    model: `import { getLIDModel } from "fasttext.wasm.js";
export class Model {
  #model: Awaited<ReturnType<typeof getLIDModel>> | undefined;
  async load() { this.#model = await getLIDModel(); await this.#model.load(); }
  async predict(text: string) { return (await this.#model!.identify(text)).alpha2; }
}`,
    input: "Bonjour, comment allez-vous aujourd'hui ?",
    answer: (value) => assert.equal(value, "fr"),
    outside: ["fasttext.wasm.js"],
  },
  "pino with a transport and fastify: a worker by path, CommonJS that asks for builtins": {
    packages: { pino: "10.4.0", fastify: "5.12.8" },
    model: `import pino from "pino";
import fastify from "fastify";
export class Model {
  async predict() {
    const log = pino({ transport: { target: "pino/file", options: { destination: 2 } } });
    log.info("through a worker");
    const app = fastify();
    app.get("/", () => ({ ok: true }));
    return (await app.inject("/")).json();
  }
}`,
    input: null,
    answer: (value) => assert.deepEqual(value, { ok: true }),
    outside: ["pino"],
  },
  "libsql: its binary comes in a package for the platform": {
    packages: { libsql: "0.5.29" },
    model: `import Database from "libsql";
export class Model {
  predict(n: number) { return new Database(":memory:").prepare("select ? * 2 as twice").get(n).twice; }
}`,
    input: 21,
    answer: (value) => assert.equal(value, 42),
    outside: ["libsql"],
  },
  "prom-client and zod: plain JavaScript is bundled whole": {
    packages: { "prom-client": "15.1.3", zod: "4.6.7" },
    model: `import { Counter, register } from "prom-client";
import { z } from "zod";
const calls = new Counter({ name: "calls_total", help: "calls" });
export class Model {
  async predict(input: unknown) {
    calls.inc();
    const found = (globalThis as Record<symbol, unknown>)[Symbol.for("purlin.prometheus")];
    return [z.object({ a: z.number() }).parse(input).a, found === register, /calls_total 1/.test(await register.metrics())];
  }
}`,
    input: { a: 3 },
    answer: (value) => assert.deepEqual(value, [3, true, true]),
    outside: [],
  },
};

const SHARP_MODEL = `import sharp from "sharp";
export class Model { predict() { return typeof sharp; } }`;

for (const [name, { packages, model, input, answer, outside }] of Object.entries(CASES)) {
  test(`${name}; no configuration, and node_modules is not needed any more`, async (t) => {
    const dir = await installed(t, packages, model);
    const result = await buildProject(dir);
    assert.deepEqual(
      result.externals.map((each) => each.name),
      outside,
    );
    const elsewhere = await moveAway(dir, result);
    answer(await callPacked(elsewhere, input));
    assertOneTarget(elsewhere, result.target);
  });
}

test("a package is at most a quarter of what was installed, and building it again gives the same", async (t) => {
  const { packages, model } = CASES[
    "onnxruntime-node and sharp: native addons with libraries beside them"
  ] as Case;
  const dir = await installed(t, packages, model);
  const first = await buildProject(dir);
  const { stdout } = await promisify(execFile)("du", ["-sb", join(dir, "node_modules")]);
  assert.ok(first.bytes < Number.parseInt(stdout, 10) / 4, `${first.bytes} of ${stdout}`);
  const again = await buildProject(dir, { output: join(dirname(dir), "again") });
  assert.equal(again.package, first.package);
});

test("--verify names a shared library that is missing", async (t) => {
  const { packages, model } = CASES[
    "onnxruntime-node and sharp: native addons with libraries beside them"
  ] as Case;
  const dir = await installed(t, packages, model);
  assert.equal((await buildProject(dir, { verify: true })).verified, true);
  const folder = join(dir, "node_modules/onnxruntime-node/bin/napi-v6", process.platform, process.arch);
  const library = readdirSync(folder).find((name) => name.startsWith("libonnxruntime.so"));
  assert.ok(library, "the package has another layout than this test knows");
  await rm(join(folder, library));
  await assert.rejects(
    buildProject(dir, { verify: true }),
    (error: Error & { code: string; hint: string }) => {
      assert.equal(error.code, "VERIFY_FAILED");
      assert.ok(error.message.includes(library) && error.hint.includes(library), error.message);
      return true;
    },
  );
});

test("another target gets its own binaries from the lock file, once; then the network is not needed", async (t) => {
  const dir = await installed(t, { sharp: "0.35.5" }, SHARP_MODEL);
  useOwnCache(t, join(dirname(dir), "home"));
  const foreign = ["linux-arm64", "linux-x64-musl", "darwin-arm64", "linux-x64"].filter(
    (name) => name !== hostTargetName(),
  );
  for (const target of foreign.slice(0, 3)) {
    const result = await buildProject(dir, { target, output: join(dirname(dir), target) });
    assert.equal(result.target, target);
    assertOneTarget(result.path, target);
  }
  const path = process.env["PATH"];
  t.after(() => (process.env["PATH"] = path));
  process.env["PATH"] = "";
  const target = foreign[0] ?? "";
  const events: ActionEvent[] = [];
  await buildProject(dir, { target, output: join(dirname(dir), "offline"), events });
  assert.ok(!events.some((event) => event.type === "step" && /npm/.test(event.message)));
});

test("a package that has no binary for the target is named before anything is sent anywhere", async (t) => {
  const dir = await installed(
    t,
    { "onnxruntime-node": "1.30.0" },
    'import * as ort from "onnxruntime-node";\nexport class Model { predict() { return typeof ort; } }',
  );
  useOwnCache(t, join(dirname(dir), "home"));
  await assert.rejects(buildProject(dir, { target: "linux-x64-musl" }), {
    code: "WRONG_PLATFORM",
    message: /^onnxruntime-node@1\.30\.0 has no binary for linux-x64-musl, only for .*linux-x64/,
  });
  assert.ok(!existsSync(join(dir, ".purlin/package")));
});

/** Templates with packages outside the bundle, and what stands against a target. */
const FOREIGN: [template: string, target: TargetName, against?: RegExp][] = [
  ["onnx", "linux-arm64"],
  ["onnx", "linux-x64-musl", /^onnxruntime-node@\S+ has no binary for linux-x64-musl, only for .*linux-x64/],
  ["onnx", "darwin-arm64"],
  ["voice", "linux-arm64"],
  ["voice", "linux-x64-musl", /^onnxruntime-node@\S+ has no binary for linux-x64-musl/],
  ["voice", "darwin-arm64"],
  ["language", "linux-arm64"],
  ["language", "linux-x64-musl"],
  ["language", "darwin-arm64"],
];

for (const template of ["onnx", "voice", "language"]) {
  test(`the ${template} template for other machines: no file is for another one, none is from here`, async (t) => {
    const dir = await scaffold(t, template);
    await installPackages(dir);
    const home = join(dirname(dir), "home");
    useOwnCache(t, home);
    for (const [, target, against] of FOREIGN.filter(([name]) => name === template)) {
      if (target === hostTargetName()) continue;
      const output = join(dirname(dir), target);
      if (against) {
        await assert.rejects(buildProject(dir, { target, output }), {
          code: "WRONG_PLATFORM",
          message: against,
        });
        assert.ok(!existsSync(output));
        continue;
      }
      const events: ActionEvent[] = [];
      const { path, package: digest } = await buildProject(dir, { target, output, events });
      assert.ok(
        events.some((event) => event.type === "step" && event.message.includes(`for ${target} (npm`)),
      );
      assertOneTarget(path, target);
      const natives = nativesOf(path);
      assert.ok(template === "language" ? natives.length === 0 : natives.length > 1, natives.join("\n"));
      process.env["PURLIN_HOME"] = `${home}-again`;
      const again = await buildProject(dir, { target, output: `${output}-again` });
      assert.equal(again.package, digest, "where the packages are kept is no part of the package");
      process.env["PURLIN_HOME"] = home;
    }
  });
}

test("what lies in node_modules here is never packed for another machine", async (t) => {
  const dir = await installed(t, { sharp: "0.35.5" }, SHARP_MODEL);
  useOwnCache(t, join(dirname(dir), "home"));
  await writeFile(join(dir, "node_modules/sharp/lib/only-here.js"), "module.exports = 1;");
  const target = hostTargetName() === "linux-arm64" ? "linux-x64" : "linux-arm64";
  const paths = async (options: { target?: string }): Promise<string[]> =>
    packedPaths((await buildProject(dir, options)).path);
  const own = "deps/node_modules/sharp/lib/only-here.js";
  assert.ok((await paths({})).includes(own));
  assert.ok(!(await paths({ target })).includes(own));
});

test("a package for another machine cannot be verified here, which is said before anything is fetched", async (t) => {
  const dir = await installed(t, { sharp: "0.35.5" }, SHARP_MODEL);
  const home = join(dirname(dir), "home");
  useOwnCache(t, home);
  const target = hostTargetName() === "linux-arm64" ? "linux-x64" : "linux-arm64";
  await assert.rejects(buildProject(dir, { target, verify: true }), {
    code: "WRONG_PLATFORM",
    message: `A package for ${target} cannot be started on this machine.`,
  });
  assert.ok(!existsSync(home) && !existsSync(join(dir, ".purlin/package")));
});

test("another target without a lock file says what to do", async (t) => {
  const dir = await installed(t, { sharp: "0.35.5" }, SHARP_MODEL);
  await rm(join(dir, "package-lock.json"));
  useOwnCache(t, join(dirname(dir), "home"));
  const target = hostTargetName() === "linux-arm64" ? "linux-x64" : "linux-arm64";
  await assert.rejects(buildProject(dir, { target }), { code: "NPM_FAILED", message: /package-lock\.json/ });
});

function useOwnCache(t: TestContext, dir: string): void {
  const before = process.env["PURLIN_HOME"];
  t.after(() => {
    if (before === undefined) delete process.env["PURLIN_HOME"];
    else process.env["PURLIN_HOME"] = before;
  });
  process.env["PURLIN_HOME"] = dir;
}

async function installed(t: TestContext, packages: Record<string, string>, model: string): Promise<string> {
  const dir = await makeProject(t, {
    "package.json": JSON.stringify({
      private: true,
      type: "module",
      dependencies: packages,
      // Its script would fetch CUDA libraries from elsewhere.
      allowScripts: { "onnxruntime-node": false },
    }),
    "model/model.ts": model,
  });
  await installPackages(dir);
  return dir;
}

/** The package where nothing of the project is left for Node to find. */
async function moveAway(dir: string, { path }: BuildResult): Promise<string> {
  const elsewhere = join(dirname(dir), "elsewhere");
  await rename(path, elsewhere);
  await rm(dir, { recursive: true });
  assert.ok(!existsSync(join(dir, "node_modules")));
  return elsewhere;
}

function assertOneTarget(packageDir: string, target: string): void {
  for (const [, path] of readManifestFile(packageDir)?.files ?? []) {
    const binary = readNativeBinary(join(packageDir, path));
    if (binary === null) continue;
    assert.equal(`${binary.os}-${binary.cpus.join()}`, target.replace("-musl", ""), path);
    assert.equal(binary.libc === "musl", target.endsWith("-musl"), path);
  }
  const wanted = parseTarget(target);
  assert.ok(wanted);
  for (const path of packedPaths(packageDir).filter((each) => each.endsWith("/package.json"))) {
    assert.ok(suits(readPackageJson(join(packageDir, dirname(path))) ?? {}, wanted), path);
  }
}

function nativesOf(packageDir: string): string[] {
  return packedPaths(packageDir).filter((path) => readNativeBinary(join(packageDir, path)) !== null);
}

function packedPaths(packageDir: string): string[] {
  return (readManifestFile(packageDir)?.files ?? []).map(([, path]) => path);
}
