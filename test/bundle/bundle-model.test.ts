import assert from "node:assert/strict";
import { cp, mkdir, readFile, rename, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { buildProject, bundleProject, makeProject, textOf } from "../helpers/build-project.ts";
import { callPacked } from "../helpers/call-packed.ts";
import { makeTree } from "../helpers/make-tree.ts";

test("the smallest model is one module with a linked source map, sources left at home", async (t) => {
  const bundle = await bundleProject(await makeProject(t));
  assert.deepEqual(
    bundle.files.map(({ path }) => path),
    ["model.mjs", "model.mjs.map"],
  );
  assert.match(textOf(bundle), /\/\/# sourceMappingURL=model\.mjs\.map\n$/);
  const map = JSON.parse(textOf(bundle, "model.mjs.map")) as { sources: string[]; sourcesContent?: unknown };
  assert.deepEqual(map.sources, ["../model/model.ts"]);
  assert.equal(map.sourcesContent, undefined);
  assert.deepEqual(bundle.externals, []);
});

test("names of classes and functions survive", async (t) => {
  const dir = await makeProject(t, {
    "model/a.ts": "export class Thing {}\nexport class Outer { make() { return new Thing(); } }",
    "model/b.ts": "export class Thing {}",
    "model/model.ts": `import { Thing } from "./a.ts";\nimport { Thing as Other } from "./b.ts";
export class Model { predict() { return [Thing.name, Other.name, Model.name]; } }`,
  });
  await buildProject(dir);
  assert.deepEqual(await callPacked(join(dir, ".purlin/package"), null), ["Thing", "Thing", "Model"]);
});

test("importing purlin costs nothing where it is unused, and names no path of this machine", async (t) => {
  const unused = await bundleProject(
    await makeProject(t, {
      "model/model.ts": `import { type ModelContext, HttpError, sse } from "purlin";
export class Model { constructor(readonly context: ModelContext) {} predict() { return 1; } }`,
    }),
  );
  assert.doesNotMatch(textOf(unused), /HttpError|purlin:sdk/);
  const used = await bundleProject(
    await makeProject(t, {
      "model/model.ts": `import { HttpError } from "purlin";
export class Model { predict() { throw new HttpError(418, "teapot"); } }`,
    }),
  );
  assert.match(textOf(used), /HttpError/);
  assert.doesNotMatch(textOf(used), /dist\/sdk|\/work|\/home/);
});

test("the same project makes the same bundle in any folder, its packages reached through a link or not", async (t) => {
  const files = {
    "package.json": '{"dependencies":{"lib":"1.0.0","outside":"1.0.0"}}',
    "model/model.ts": `import lib from "lib";\nimport { where } from "outside";
import text from "./note.txt";
const beside = new URL("./data.json", import.meta.url);
export class Model { predict() { return [lib.value, where, text, beside.pathname]; } }`,
    "model/note.txt": "note",
    "model/data.json": "{}",
  };
  const packages = {
    "lib/package.json": '{"name":"lib","version":"1.0.0","main":"index.js"}',
    "lib/index.js": "module.exports = { value: require('./other.js') };",
    "lib/other.js": "module.exports = 1;",
    "outside/package.json": '{"name":"outside","version":"1.0.0","main":"index.js"}',
    "outside/index.js": "exports.where = __dirname;",
  };
  const first = await makeProject(t, files);
  await makeTree(join(first, "node_modules"), packages);
  const second = join(await makeProject(t), "a b", "dist", "ünï");
  await mkdir(dirname(second), { recursive: true });
  await cp(first, second, { recursive: true });
  const third = await makeProject(t, files);
  const store = join(dirname(third), "store", "node_modules");
  await makeTree(store, packages);
  await symlink(store, join(third, "node_modules"));
  const [one, two, three] = [
    await bundleProject(first),
    await bundleProject(second),
    await bundleProject(third),
  ];
  for (const other of [two, three]) {
    assert.deepEqual(
      other.files.map(({ path }) => path),
      one.files.map(({ path }) => path),
    );
    for (const { path } of one.files) assert.equal(textOf(other, path), textOf(one, path), path);
  }
  for (const { path } of one.files) assert.ok(!textOf(one, path).includes(dirname(first)), path);
});

test("assets, folders of assets, file imports and workers travel with the code", async (t) => {
  const dir = await makeProject(t, {
    "model/labels.txt": "cat,dog",
    "model/words/a.txt": "a",
    "model/words/deep/b.txt": "b",
    "model/tiny.wasm": Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]),
    "model/shared.ts": "export const twice = (n: number): number => 2 * n;",
    "model/lib/work.ts": `import { parentPort, workerData } from "node:worker_threads";
import { readFileSync } from "node:fs";
import { twice } from "../shared.ts";
parentPort?.postMessage([twice(workerData), readFileSync(new URL("../labels.txt", import.meta.url), "utf8")]);`,
    "model/model.ts": `import { readFileSync } from "node:fs";
import { Worker } from "node:worker_threads";
import wasm from "./tiny.wasm";
import { twice } from "./shared.ts";
const labels = readFileSync(new URL("./labels.txt", import.meta.url), "utf8");
const folder = new URL('./words/', import.meta.url);
export class Model {
  async predict(n: number) {
    const worker = new Worker(new URL("./lib/work.ts", import.meta.url), { workerData: n });
    const answer = await new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject));
    return [labels, readFileSync(new URL("deep/b.txt", folder), "utf8"), WebAssembly.validate(readFileSync(wasm)), answer, twice(n)];
  }
}`,
  });
  await buildProject(dir);
  const elsewhere = join(dirname(dir), "elsewhere");
  await rename(join(dir, ".purlin/package"), elsewhere);
  await rename(join(dir, "model"), join(dir, "gone"));
  assert.deepEqual(await callPacked(elsewhere, 21), ["cat,dog", "b", true, [42, "cat,dog"], 42]);
});

test("createRequire, import.meta.resolve, __dirname of one's own and JSON keep working", async (t) => {
  const dir = await makeProject(t, {
    "package.json": '{"dependencies":{"files":"1.0.0"}}',
    "node_modules/files/package.json": '{"name":"files","version":"1.0.0","exports":{"./*":"./lib/*"}}',
    "node_modules/files/lib/weights.bin": "weights",
    "node_modules/files/lib/table.json": '{"a":1}',
    "model/plain.cjs": "module.exports = { plain: true };",
    "model/model.ts": `import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import table from "files/table.json" with { type: "json" };
const require = createRequire(import.meta.url);
const other = createRequire(import.meta.url);
const __dirname = dirname(fileURLToPath(import.meta.url));
export class Model {
  predict() {
    return [
      require("./plain.cjs").plain,
      readFileSync(require.resolve("files/weights.bin"), "utf8"),
      readFileSync(other.resolve("files/weights.bin"), "utf8"),
      readFileSync(fileURLToPath(import.meta.resolve("files/weights.bin")), "utf8"),
      typeof __dirname,
      table.a,
    ];
  }
}`,
  });
  const result = await buildProject(dir);
  assert.deepEqual(
    result.externals.map(({ name }) => name),
    ["files"],
  );
  await rename(join(dir, "node_modules"), join(dir, "gone"));
  assert.deepEqual(await callPacked(result.path, null), [true, "weights", "weights", "weights", "string", 1]);
});

test("what is named beside the code and is not there is a warning with its place", async (t) => {
  const { warnings } = await bundleProject(
    await makeProject(t, {
      "model/model.ts":
        'const a = new URL("./nothing.txt", import.meta.url);\nexport class Model { predict() { return [a, __dirname]; } }\n',
    }),
  );
  assert.deepEqual(
    warnings.map(({ location }) => `${location?.file}:${location?.line}:${location?.column}`),
    ["model/model.ts:1:11", "model/model.ts:2:45"],
  );
  assert.match(warnings[0]?.message ?? "", /\.\/nothing\.txt does not exist/);
  assert.match(warnings[0]?.hint ?? "", /dataDir/);
});

test("the second build of a bundler follows edits, new files and new externals", async (t) => {
  const { createModelBundler } = await import("../../src/bundle/create-model-bundler.ts");
  const { loadProject } = await import("../../src/project/load-project.ts");
  const { readTarget } = await import("../../src/util/host-target.ts");
  const dir = await makeProject(t);
  const bundler = await createModelBundler({ project: await loadProject(dir), target: readTarget(null) });
  t.after(() => bundler.dispose());
  await bundler.build();

  await writeFile(join(dir, "model/model.ts"), "export class Model { predict() { return }");
  await assert.rejects(bundler.build(), { code: "BUILD_FAILED" });

  await makeTree(dir, {
    "model/helper.ts": "export const two = 2;",
    "model/model.ts": 'import { two } from "./helper.ts";\nexport class Model { predict() { return two; } }',
  });
  const second = await bundler.build();
  assert.match(textOf(second), /two = 2/);
  assert.deepEqual(
    second.inputs.map((path) => path.slice(dir.length + 1)),
    ["model/helper.ts", "model/model.ts"],
  );

  await makeTree(dir, {
    "package.json": '{"dependencies":{"late":"1.0.0"}}',
    "node_modules/late/package.json": '{"name":"late","version":"1.0.0","gypfile":true}',
    "node_modules/late/index.js": "exports.late = 1;",
    "model/model.ts": 'import { late } from "late";\nexport class Model { predict() { return late; } }',
  });
  const third = await bundler.build();
  assert.deepEqual(
    third.externals.map(({ name, reason }) => [name, reason]),
    [["late", "native addon"]],
  );
  assert.match(textOf(third), /require\("\.\/node_modules\/late\/index\.js"\)/);
});

test("esbuild's defines and tsconfig.json of the project count, and are inputs", async (t) => {
  const dir = await makeProject(t, {
    "config.yaml": "model_name: test\nbuild:\n  define: { BUILD_KIND: '\"special\"' }\n",
    "tsconfig.base.json": '{ "compilerOptions": { "baseUrl": ".", "paths": { "@lib/*": ["./lib/*"] } } }',
    "tsconfig.json": '{ /* own */ "extends": "./tsconfig.base.json" }',
    "lib/value.ts": "export const value = 7;",
    "model/model.ts": `import { value } from "@lib/value";
declare const BUILD_KIND: string;
export class Model { predict() { return [BUILD_KIND, value]; } }`,
  });
  const bundle = await bundleProject(dir);
  assert.match(textOf(bundle), /"special", value/);
  const inputs = bundle.inputs.map((path) => path.slice(dir.length + 1));
  assert.ok(inputs.includes("tsconfig.json") && inputs.includes("tsconfig.base.json"), inputs.join());
});

test("stacks lead back to the user's TypeScript", async (t) => {
  const dir = await makeProject(t, {
    "model/model.ts":
      "interface Input { a: number }\n\nexport class Model {\n  predict(_: Input) {\n    return new Error('x').stack;\n  }\n}\n",
  });
  const { path } = await buildProject(dir);
  const map = await readFile(join(path, "code/model.mjs.map"), "utf8");
  const { SourceMap } = await import("node:module");
  const code = await readFile(join(path, "code/model.mjs"), "utf8");
  const line = code.split("\n").findIndex((text) => text.includes("new Error"));
  const column = code.split("\n")[line]?.indexOf("new Error") ?? 0;
  const entry = new SourceMap(JSON.parse(map)).findEntry(line, column) as { originalLine: number };
  assert.equal(entry.originalLine, 4);
});
