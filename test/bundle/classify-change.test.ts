import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { build } from "esbuild";
import { classifyCodeChange } from "../../src/bundle/classify-change.ts";

/** One file as entry-bundler.ts makes it: bundled, names kept, nothing minified. */
async function bundle(source: string, helper = "export const help = (x) => x;"): Promise<string> {
  const result = await build({
    stdin: { contents: source, loader: "ts", resolveDir: "/" },
    bundle: true,
    write: false,
    format: "esm",
    platform: "node",
    target: "node20",
    keepNames: true,
    logLevel: "silent",
    plugins: [
      {
        name: "helper",
        setup(setup) {
          setup.onResolve({ filter: /^\.\/helper$/ }, () => ({ path: "helper", namespace: "test" }));
          setup.onLoad({ filter: /.*/, namespace: "test" }, () => ({ contents: helper, loader: "ts" }));
        },
      },
    ],
  });
  return result.outputFiles[0]?.text ?? "";
}

const classOf = (body: string, before = ""): string => `${before}\nexport class Model {\n${body}\n}`;

interface Case {
  name: string;
  before: string;
  after: string;
  helpers?: [string, string];
  kind: "methods" | "process";
  reason: RegExp;
}

const LOAD = "w; load() { this.w = [1, 2]; }";
const CASES: Case[] = [
  {
    name: "predict changed",
    before: classOf(`${LOAD} predict(x) { return x; }`),
    after: classOf(`${LOAD} predict(x) { return [x, this.w]; }`),
    kind: "methods",
    reason: /predict changed/,
  },
  {
    name: "a comment and the layout changed",
    before: classOf(`${LOAD} predict(x) { return x; }`),
    after: classOf(`${LOAD}\n // why\n predict(x) {\n  // here\n return x; }`),
    kind: "methods",
    reason: /only comments/,
  },
  {
    name: "a method was added and one removed",
    before: classOf(`${LOAD} predict(x) { return x; } preprocess(x) { return x; }`),
    after: classOf(`${LOAD} predict(x) { return x; } postprocess(x) { return x; }`),
    kind: "methods",
    reason: /postprocess/,
  },
  {
    name: "load changed",
    before: classOf("load() { this.w = 1; } predict() { return this.w; }"),
    after: classOf("load() { this.w = 2; } predict() { return this.w; }"),
    kind: "process",
    reason: /load changed/,
  },
  {
    name: "the constructor changed",
    before: classOf("constructor() { this.w = 1; } predict() { return this.w; }"),
    after: classOf("constructor() { this.w = 2; } predict() { return this.w; }"),
    kind: "process",
    reason: /constructor changed/,
  },
  {
    name: "a field's initial value changed",
    before: classOf("w = 1; predict() { return this.w; }"),
    after: classOf("w = 2; predict() { return this.w; }"),
    kind: "process",
    reason: /w changed/,
  },
  {
    name: "a method that is an arrow field changed",
    before: classOf("predict = () => 1;"),
    after: classOf("predict = () => 2;"),
    kind: "process",
    reason: /predict changed/,
  },
  {
    name: "a helper of load in another file changed",
    before: classOf(
      "load() { this.w = help(1); } predict() { return this.w; }",
      'import { help } from "./helper";',
    ),
    after: classOf(
      "load() { this.w = help(1); } predict() { return this.w; }",
      'import { help } from "./helper";',
    ),
    helpers: ["export const help = (x) => x + 1;", "export const help = (x) => x + 2;"],
    kind: "process",
    reason: /help, which loading uses, changed/,
  },
  {
    name: "a helper of a helper of load changed",
    before: classOf(
      "load() { this.w = help(1); } predict() { return this.w; }",
      'import { help } from "./helper";',
    ),
    after: classOf(
      "load() { this.w = help(1); } predict() { return this.w; }",
      'import { help } from "./helper";',
    ),
    helpers: [
      "function deep() { return 1; } export const help = (x) => x + deep();",
      "function deep() { return 2; } export const help = (x) => x + deep();",
    ],
    kind: "process",
    reason: /deep, which loading uses, changed/,
  },
  {
    name: "a helper of predict alone changed",
    before: classOf(`${LOAD} predict(x) { return help(x); }`, 'import { help } from "./helper";'),
    after: classOf(`${LOAD} predict(x) { return help(x); }`, 'import { help } from "./helper";'),
    helpers: ["export const help = (x) => x + 1;", "export const help = (x) => x + 2;"],
    kind: "methods",
    reason: /help changed/,
  },
  {
    name: "a method that load calls changed",
    before: classOf("load() { this.read(); } read() { this.w = 1; } predict() { return this.w; }"),
    after: classOf("load() { this.read(); } read() { this.w = 2; } predict() { return this.w; }"),
    kind: "process",
    reason: /read changed/,
  },
  {
    name: "the class has #private names",
    before: classOf("#w; load() { this.#w = 1; } predict() { return this.#w; }"),
    after: classOf("#w; load() { this.#w = 1; } predict() { return this.#w + 1; }"),
    kind: "process",
    reason: /#private/,
  },
  {
    name: "a base class has #private names",
    before: `class Base { #w = 1; get() { return this.#w; } } export class Model extends Base { predict() { return this.get(); } }`,
    after: `class Base { #w = 1; get() { return this.#w; } } export class Model extends Base { predict() { return this.get() + 1; } }`,
    kind: "process",
    reason: /#private/,
  },
  {
    name: "load assigns weights at module level",
    before: classOf("load() { session = { w: 1 }; } predict() { return session.w; }", "let session;"),
    after: classOf("load() { session = { w: 1 }; } predict() { return session.w + 1; }", "let session;"),
    kind: "process",
    reason: /assigns the module-level session/,
  },
  {
    name: "load fills a map at module level",
    before: classOf(
      "load() { cache.set(1, 2); } predict(x) { return cache.get(x); }",
      "const cache = new Map();",
    ),
    after: classOf(
      "load() { cache.set(1, 2); } predict(x) { return cache.get(x) + 1; }",
      "const cache = new Map();",
    ),
    kind: "process",
    reason: /module-level cache/,
  },
  {
    name: "a helper of load memoises at module level",
    before: classOf(
      "async load() { await session(); } predict() { return session(); }",
      "let made; function session() { return (made ??= { w: 1 }); }",
    ),
    after: classOf(
      "async load() { await session(); } predict() { return [session()]; }",
      "let made; function session() { return (made ??= { w: 1 }); }",
    ),
    kind: "process",
    reason: /assigns the module-level made/,
  },
  {
    name: "a constant that only predict reads changed",
    before: classOf(`${LOAD} predict(x) { return x * FACTOR; }`, "const FACTOR = 2;"),
    after: classOf(`${LOAD} predict(x) { return x * FACTOR; }`, "const FACTOR = 3;"),
    kind: "methods",
    reason: /FACTOR changed/,
  },
  {
    name: "a constant that load reads, too, changed",
    before: classOf("load() { this.w = SIZE; } predict(x) { return x * SIZE; }", "const SIZE = 2;"),
    after: classOf("load() { this.w = SIZE; } predict(x) { return x * SIZE; }", "const SIZE = 3;"),
    kind: "process",
    reason: /SIZE, which loading uses, changed/,
  },
  {
    name: "a literal that load reads is assigned by predict",
    before: classOf("load() { this.w = count; } predict() { return (count += 1); }", "let count = 1;"),
    after: classOf("load() { this.w = count; } predict() { return (count += 2); }", "let count = 1;"),
    kind: "process",
    reason: /module-level count/,
  },
  {
    name: "requests ask instanceof of a class that load makes",
    before: classOf(
      "load() { this.t = new Tok(); } predict() { return this.t instanceof Tok; }",
      "class Tok {}",
    ),
    after: classOf(
      "load() { this.t = new Tok(); } predict() { return [this.t instanceof Tok]; }",
      "class Tok {}",
    ),
    kind: "process",
    reason: /identity of Tok/,
  },
  {
    name: "a class that load makes changed",
    before: classOf(
      "load() { this.t = new Tok(); } predict() { return this.t.run(); }",
      "class Tok { run() { return 1; } }",
    ),
    after: classOf(
      "load() { this.t = new Tok(); } predict() { return this.t.run(); }",
      "class Tok { run() { return 2; } }",
    ),
    kind: "process",
    reason: /Tok, which loading uses, changed/,
  },
  {
    name: "load of the base class changed",
    before: `class Base { load() { this.w = 1; } } export class Model extends Base { predict() { return this.w; } }`,
    after: `class Base { load() { this.w = 2; } } export class Model extends Base { predict() { return this.w; } }`,
    kind: "process",
    reason: /load \(of a base class\) changed/,
  },
  {
    name: "a module starts a timer",
    before: classOf(`${LOAD} predict(x) { return x; }`, "const timer = setInterval(() => 0, 1000);"),
    after: classOf(`${LOAD} predict(x) { return [x]; }`, "const timer = setInterval(() => 0, 1000);"),
    kind: "process",
    reason: /second time/,
  },
  {
    name: "a setting at the top is repeated",
    before: classOf(`${LOAD} predict(x) { return x; }`, "globalThis.allowed = false;"),
    after: classOf(`${LOAD} predict(x) { return [x]; }`, "globalThis.allowed = false;"),
    kind: "methods",
    reason: /predict changed/,
  },
  {
    name: "code at the top changed",
    before: classOf(`${LOAD} predict(x) { return x; }`, "globalThis.allowed = false;"),
    after: classOf(`${LOAD} predict(x) { return x; }`, "globalThis.allowed = true;"),
    kind: "process",
    reason: /top of a module changed/,
  },
  {
    name: "static input changed",
    before: classOf('static input = "raw"; predict(x) { return x; }'),
    after: classOf("static input = { predict: undefined }; predict(x) { return x; }"),
    kind: "process",
    reason: /static input changed/,
  },
];

describe("classifying a change of code", () => {
  for (const each of CASES) {
    it(`${each.name}: ${each.kind}`, async () => {
      const before = await bundle(each.before, each.helpers?.[0]);
      const after = await bundle(each.after, each.helpers?.[1]);
      const change = classifyCodeChange(before, after, "Model");
      assert.equal(change.kind, each.kind, change.reason);
      assert.match(change.reason, each.reason);
    });
  }

  it("code that is no module is never compared", () => {
    assert.equal(
      classifyCodeChange("export class Model {", "export class Model {}", "Model").kind,
      "process",
    );
  });
});
