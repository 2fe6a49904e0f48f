import assert from "node:assert/strict";
import { symlink } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { makeProject, buildProject, bundleProject, textOf } from "../helpers/build-project.ts";
import { callPacked } from "../helpers/call-packed.ts";
import { makeTree } from "../helpers/make-tree.ts";

const SIGNS: Record<string, { json?: object; source: string; reason: string | null }> = {
  "a plain package": { source: "exports.x = 1;", reason: null },
  "a worker in a comment": {
    source: "// new Worker('x') __dirname\n/* import.meta.url */ exports.x = 1;",
    reason: null,
  },
  "an address in a string": {
    source: "exports.x = 'https://a//b'; exports.y = 'no __dirnames';",
    reason: null,
  },
  gypfile: { json: { gypfile: true }, source: "exports.x = 1;", reason: "native addon" },
  binary: { json: { binary: { module_name: "x" } }, source: "exports.x = 1;", reason: "native addon" },
  "packages for platforms": {
    json: { optionalDependencies: { "@a/b-linux-x64": "1", "@a/b-darwin-arm64": "1" } },
    source: "exports.x = 1;",
    reason: "native addon",
  },
  "a .node file": { source: "exports.x = () => require('./build/x.node');", reason: "native addon" },
  "node-gyp-build": { source: "exports.x = () => require('node-gyp-build')(1);", reason: "native addon" },
  __dirname: { source: "exports.x = 1; exports.where = __dirname;", reason: "reads files beside itself" },
  "a worker": {
    source: "exports.x = 1; exports.go = (f) => new (require('worker_threads').Worker)(f) || new Worker(f);",
    reason: "starts workers from files of its own",
  },
  "require.resolve": {
    source: "exports.x = 1; exports.y = () => require.resolve('./index.js');",
    reason: "looks for files of its own",
  },
};

for (const [name, { json = {}, source, reason }] of Object.entries(SIGNS)) {
  test(`${name}: ${reason === null ? "bundled" : `outside, ${reason}`}`, async (t) => {
    const dir = await makeProject(t, {
      "node_modules/lib/package.json": JSON.stringify({ name: "lib", version: "2.0.0", ...json }),
      "node_modules/lib/index.js": source,
      "model/model.ts": 'import { x } from "lib";\nexport class Model { predict() { return x; } }',
    });
    const { externals } = await bundleProject(dir);
    assert.deepEqual(
      externals.map((each) => [each.name, each.version, each.location, each.reason]),
      reason === null ? [] : [["lib", "2.0.0", "node_modules/lib", reason]],
    );
  });
}

test("import.meta.url in a package keeps it outside; a JSON file of it is bundled all the same", async (t) => {
  const dir = await makeProject(t, {
    "node_modules/esm/package.json":
      '{"name":"esm","version":"1.0.0","type":"module","exports":{".":"./i.js","./t.json":"./t.json"}}',
    "node_modules/esm/i.js": "export const here = import.meta.url;",
    "node_modules/esm/t.json": '{"t":1}',
    "model/model.ts": `import { here } from "esm";\nimport t from "esm/t.json";
export class Model { predict() { return [here.split("/").slice(-4).join("/"), t]; } }`,
  });
  const { path } = await buildProject(dir);
  assert.deepEqual(await callPacked(path, null), ["deps/node_modules/esm/i.js", { t: 1 }]);
});

test("build.external keeps a package outside, build.bundle forces one in", async (t) => {
  const files = {
    "node_modules/plain/package.json": '{"name":"plain","version":"1.0.0"}',
    "node_modules/plain/index.js": "exports.x = 1;",
    "node_modules/odd/package.json": '{"name":"odd","version":"1.0.0"}',
    "node_modules/odd/index.js": "exports.y = typeof __dirname;",
    "model/model.ts":
      'import { x } from "plain";\nimport { y } from "odd";\nexport class Model { predict() { return [x, y]; } }',
    "config.yaml": "model_name: t\nbuild: { external: [plain], bundle: [odd] }\n",
  };
  const dir = await makeProject(t, files);
  const result = await buildProject(dir);
  assert.deepEqual(result.externals, [{ name: "plain", version: "1.0.0", reason: "build.external" }]);
  assert.deepEqual(await callPacked(result.path, null), [1, "string"]);
});

test("import and require of one package each get what Node gives them", async (t) => {
  const dir = await makeProject(t, {
    "node_modules/dual/package.json": JSON.stringify({
      name: "dual",
      version: "1.0.0",
      gypfile: true,
      exports: {
        ".": { import: "./i.mjs", require: "./r.cjs" },
        "./deep/*": { import: "./d/*.mjs", default: "./d/*.cjs" },
      },
    }),
    "node_modules/dual/i.mjs": "export const form = 'import';",
    "node_modules/dual/r.cjs": "exports.form = 'require';",
    "node_modules/dual/d/x.mjs": "export const deep = 'import x';",
    "node_modules/dual/d/x.cjs": "exports.deep = 'require x';",
    "model/old.cjs": "exports.old = [require('dual').form, require('dual/deep/x').deep];",
    "model/model.ts": `import { form } from "dual";\nimport { deep } from "dual/deep/x";\nimport { old } from "./old.cjs";
export class Model { async predict() { return [form, deep, (await import("dual")).form, ...old]; } }`,
  });
  // No real addon: what counts here is how it is reached.
  await makeTree(dir, { "node_modules/dual/fallback.wasm": "" });
  const { path } = await buildProject(dir);
  assert.deepEqual(await callPacked(path, null), ["import", "import x", "import", "require", "require x"]);
});

test("two versions of one package outside the bundle are both there, each for its importer", async (t) => {
  const version = (number: string): Record<string, string> => ({
    "package.json": JSON.stringify({ name: "nat", version: number }),
    "index.js": `exports.version = require(__dirname + "/package.json").version;`,
  });
  const dir = await makeProject(t, {
    "node_modules/user/package.json": '{"name":"user","version":"1.0.0","dependencies":{"nat":"1"}}',
    "node_modules/user/index.js": "exports.inner = require('nat').version;",
    "model/model.ts": `import { version } from "nat";\nimport { inner } from "user";
export class Model { predict() { return [version, inner]; } }`,
  });
  await makeTree(join(dir, "node_modules/nat"), version("2.0.0"));
  await makeTree(join(dir, "node_modules/user/node_modules/nat"), version("1.0.0"));
  const { path, externals } = await buildProject(dir);
  assert.deepEqual(await callPacked(path, null), ["2.0.0", "1.0.0"]);
  assert.equal(externals.length, 2);
});

test("packages from a store of links (pnpm's layout) work, two versions included", async (t) => {
  const dir = await makeProject(t, {
    "node_modules/.store/nat@2/node_modules/nat/package.json":
      '{"name":"nat","version":"2.0.0","dependencies":{"low":"2"}}',
    "node_modules/.store/nat@2/node_modules/nat/index.js":
      "exports.all = [__dirname.split('/').pop(), require('low').v];",
    "node_modules/.store/low@2/node_modules/low/package.json": '{"name":"low","version":"2.0.0"}',
    "node_modules/.store/low@2/node_modules/low/index.js": "exports.v = 2;",
    "node_modules/.store/low@1/node_modules/low/package.json": '{"name":"low","version":"1.0.0"}',
    "node_modules/.store/low@1/node_modules/low/index.js": "exports.v = 1; exports.d = __dirname;",
    "model/model.ts": `import { all } from "nat";\nimport { v } from "low";\nexport class Model { predict() { return [...all, v]; } }`,
  });
  await symlink(".store/nat@2/node_modules/nat", join(dir, "node_modules/nat"));
  await symlink(".store/low@1/node_modules/low", join(dir, "node_modules/low"));
  await symlink("../../low@2/node_modules/low", join(dir, "node_modules/.store/nat@2/node_modules/low"));
  const { path } = await buildProject(dir);
  assert.deepEqual(await callPacked(path, null), ["nat", 2, 1]);
});

test("a package whose code cannot be bundled is kept outside", async (t) => {
  const dir = await makeProject(t, {
    "node_modules/weird/package.json":
      '{"name":"weird","version":"1.0.0","main":"main.js","module":"module.js"}',
    "node_modules/weird/main.js": "exports.x = 'main';",
    "node_modules/weird/module.js": "import './template.unknown';\nexport const x = 'module';",
    "node_modules/weird/template.unknown": "{{ }}",
    "model/model.ts": 'import { x } from "weird";\nexport class Model { predict() { return x; } }',
  });
  const { path, externals } = await buildProject(dir);
  assert.match(externals[0]?.reason ?? "", /^cannot be bundled: No loader/);
  assert.equal(await callPacked(path, null), "main");
});

test("prom-client's registry is left where the runtime finds it, bundled and outside", async (t) => {
  for (const config of ["", "build: { external: [prom-client] }"]) {
    const dir = await makeProject(t, {
      "config.yaml": `model_name: t\n${config}\n`,
      "node_modules/prom-client/package.json": '{"name":"prom-client","version":"15.0.0"}',
      "node_modules/prom-client/index.js":
        "exports.register = { metrics: [] };\nexports.Counter = class { constructor(o) { exports.register.metrics.push(o.name); } };",
      "model/more.cjs": "const { Counter } = require('prom-client'); new Counter({ name: 'b' });",
      "model/model.ts": `import { Counter, register } from "prom-client";\nimport "./more.cjs";
const counter = new Counter({ name: "a" });
export class Model { predict() { const found = (globalThis as any)[Symbol.for("purlin.prometheus")];
  return [found === register, found.metrics.sort(), typeof counter]; } }`,
    });
    const bundle = await bundleProject(dir);
    assert.equal(bundle.externals.length, config === "" ? 0 : 1);
    assert.equal(textOf(bundle).includes("purlin.prometheus"), true);
    const { path } = await buildProject(dir);
    assert.deepEqual(await callPacked(path, null), [true, ["a", "b"], "object"]);
  }
});

test("any name can be imported from CommonJS outside the bundle, as if it were bundled", async (t) => {
  const dir = await makeProject(t, {
    // Names that no reading of the source can find.
    "node_modules/old/package.json": '{"name":"old","version":"1.0.0","gypfile":true,"main":"lib/old"}',
    "node_modules/old/lib/old.js": "module.exports = Object.fromEntries([['hidden', 1], ['default', 2]]);",
    "node_modules/old/fallback.wasm": "",
    "model/model.ts": `import old, { hidden } from "old";\nimport * as all from "old";
export class Model { async predict() { return [hidden, typeof old, all.hidden, (await import("old")).hidden]; } }`,
  });
  const { path } = await buildProject(dir);
  assert.deepEqual(await callPacked(path, null), [1, "object", 1, 1]);
});

test("a file of a package that is imported as a file is packed as an asset, the package is not", async (t) => {
  const dir = await makeProject(t, {
    "node_modules/weights/package.json": '{"name":"weights","version":"1.0.0"}',
    "node_modules/weights/big.onnx": "bytes of a model",
    "node_modules/weights/other.onnx": "not needed",
    "model/model.ts": `import { readFileSync } from "node:fs";\nimport path from "weights/big.onnx";
export class Model { predict() { return readFileSync(path, "utf8"); } }`,
  });
  const { path, externals } = await buildProject(dir);
  assert.deepEqual(externals, []);
  assert.equal(await callPacked(path, null), "bytes of a model");
  assert.ok(!textOf(await bundleProject(dir)).includes(dir));
});

test("build.include brings packages that only running names, and files of the project", async (t) => {
  const dir = await makeProject(t, {
    "config.yaml": "model_name: t\nbuild: { include: [plugin, 'model/prompts/*.txt', extra/**] }\n",
    "node_modules/plugin/package.json": '{"name":"plugin","version":"1.0.0","dependencies":{"deeper":"1"}}',
    "node_modules/plugin/index.js": "exports.name = require('deeper');",
    "node_modules/deeper/package.json": '{"name":"deeper","version":"1.0.0"}',
    "node_modules/deeper/index.js": "module.exports = 'deeper';",
    "model/prompts/a.txt": "prompt",
    "model/prompts/b.md": "left at home",
    "extra/deep/c.bin": "extra",
    "extra/.env": "SECRET=x",
    "model/model.ts": `import { createRequire } from "node:module";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
const name = ["plu", "gin"].join("");
const load = createRequire(import.meta.url);
export class Model {
  predict() {
    const here = (path: string) => join(import.meta.dirname, path);
    return [load(name).name, readFileSync(here("prompts/a.txt"), "utf8"), readFileSync(here("extra/deep/c.bin"), "utf8"),
      existsSync(here("prompts/b.md")), existsSync(here("extra/.env"))];
  }
}`,
  });
  const { path, externals } = await buildProject(dir);
  assert.deepEqual(externals, [{ name: "plugin", version: "1.0.0", reason: "build.include" }]);
  assert.deepEqual(await callPacked(path, null), ["deeper", "prompt", "extra", false, false]);
});
