import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { classifyCodeChange, type ChangeKind } from "../../src/bundle/classify-change.ts";
import { bundleProject, makeProject, textOf } from "../helpers/build-project.ts";
import { makeTree } from "../helpers/make-tree.ts";

type Files = Record<string, string>;
type Edit = [file: string, from: string | RegExp, to: string];

/** Bundles the files, then the edited ones, and asks how the change can take effect. */
async function classify(t: TestContext, files: Files, ...edits: Edit[]): Promise<ChangeKind> {
  const pathOf = (name: string): string => `model/${name}${name.includes(".") ? "" : ".ts"}`;
  const sources = Object.fromEntries(Object.entries(files).map(([name, text]) => [pathOf(name), text]));
  const dir = await makeProject(t, sources);
  const before = textOf(await bundleProject(dir));
  for (const [name, from, to] of edits) {
    const path = pathOf(name);
    const edited = sources[path]?.replace(from, to) ?? to;
    assert.notEqual(edited, sources[path], `nothing to replace in ${path}`);
    sources[path] = edited;
  }
  await makeTree(dir, sources);
  return classifyCodeChange(before, textOf(await bundleProject(dir)), "Model");
}

const PREDICT: Edit = ["model", "return 1;", "return 2;"];

/** A model whose predict ends in `return 1;`. */
function model(members: string, { before = "", head = "export class Model" } = {}): string {
  return `${before}\n${head} {\n${members}\n  predict(input: any): unknown {\n    void input;\n    return 1;\n  }\n}\n`;
}

describe("methods are put on the loaded instance", () => {
  const cases: [name: string, files: Files, edits: Edit[], reason: RegExp][] = [
    ["an edit of predict", { model: model("") }, [PREDICT], /^predict changed; /],
    [
      "an edit of a helper of predict in another file",
      {
        model: `import { double } from "./math.ts";\nexport class Model { table = [1]; load() { this.table.push(2); } predict(x: number) { return double(x); } }`,
        math: "export function double(x: number) { return x * 2; }",
      },
      [["math", "x * 2", "x * 3"]],
      /^double changed/,
    ],
    [
      "an edit of a constant of predict alone",
      {
        model: `const LIMIT = 3;\nconst NAMES = { a: 1 };\nexport class Model { load() {} predict() { return [LIMIT, NAMES]; } }`,
      },
      [["model", "LIMIT = 3", "LIMIT = 4"]],
      /^LIMIT changed/,
    ],
    [
      "an edit of a table of predict alone",
      { model: `const NAMES = { a: 1 };\nexport class Model { load() {} predict() { return NAMES; } }` },
      [["model", "a: 1", "a: 2"]],
      /^NAMES changed/,
    ],
    [
      "a new method",
      { model: model("") },
      [["model", "predict(", "isHealthy() { return true; }\n  predict("]],
      /isHealthy/,
    ],
    [
      "a method that went",
      { model: model("preprocess(x: unknown) { return x; }") },
      [["model", "preprocess(x: unknown) { return x; }", ""]],
      /^preprocess changed/,
    ],
    [
      "a changed method of a base class in the bundle",
      {
        model: `class Base { size = 1; half() { return this.size / 2; } }\nexport class Model extends Base { predict() { return this.half(); } }`,
      },
      [["model", "/ 2", "/ 4"]],
      /^half changed/,
    ],
    [
      "a base class from outside",
      {
        model: model("load() {}", {
          before: `import { EventEmitter } from "node:events";`,
          head: "export class Model extends EventEmitter",
        }),
      },
      [PREDICT],
      /^predict changed/,
    ],
    [
      "a constant and a pure helper that load uses too, unchanged",
      {
        model: `const SIZE = 4 * 2;\nfunction twice(x: number) { return x * SIZE; }\nexport class Model { n = 0; load() { this.n = twice(2); } predict(x: number) { return twice(x) + this.n + 1; } }`,
      },
      [["model", "this.n + 1", "this.n + 10"]],
      /^predict changed/,
    ],
    [
      "a class that load and predict only instantiate",
      {
        model: `class Vector { x: number; constructor(x: number) { this.x = x; } }\nexport class Model { v!: Vector; load() { this.v = new Vector(1); } predict() { return new Vector(this.v.x + 1); } }`,
      },
      [["model", "x + 1", "x + 10"]],
      /^predict changed/,
    ],
    [
      "a singleton that predict alone makes",
      {
        model: `let made: Map<string, number> | undefined;\nfunction table() { return (made ??= new Map([["a", 1]])); }\nexport class Model { load() {} predict() { return table().get("a"); } }`,
      },
      [["model", `"a", 1`, `"a", 100`]],
      /^table changed/,
    ],
    [
      "a renamed default class",
      { model: "export default class Model { load() {} predict() { return 1; } }" },
      [["model", "class Model", "class Other"], PREDICT],
      /predict changed/,
    ],
    [
      "counters that predict keeps on the instance",
      {
        model: model("calls = 0;\n  load() { this.calls = 0; }").replace(
          "void input;",
          "this.calls += 1; this.calls++;",
        ),
      },
      [PREDICT],
      /^predict changed/,
    ],
    [
      "a setting at the top level that stays as it is",
      { model: model("", { before: `process.env["X"] = "1";` }) },
      [PREDICT],
      /^predict changed/,
    ],
    [
      "weights that load puts on the instance",
      {
        model: `import { readFile } from "node:fs/promises";\nexport class Model { weights!: Buffer; async load() { this.weights = await readFile("x"); } predict() { return this.weights.length; } }`,
      },
      [["model", "weights.length;", "weights.length + 1;"]],
      /^predict changed/,
    ],
    [
      "an object that load made and requests only read, though it can be changed",
      {
        model: `class Table { rows = new Map<string, number>(); put(k: string, v: number) { this.rows.set(k, v); } find(k: string) { return this.rows.get(k) ?? 0; } }\nexport class Model { table = new Table(); load() { this.table.put("a", 1); } predict(k: string) { return this.table.find(k) + 1; } }`,
      },
      [["model", "+ 1; }", "+ 10; }"]],
      /^predict changed/,
    ],
    [
      "objects with a state of their own that live for one request",
      {
        model: `class Cutter { rest = ""; options: object; constructor(options: object) { this.options = options; } push(s: string) { this.rest += s; this.rest = this.rest.slice(-3); return this.rest; } }\nexport class Model { options = { n: 1 }; load() {} predict(s: string) { const c = new Cutter(this.options); c.push(s); return c.push("x") + 1; } }`,
      },
      [["model", "+ 1; }", "+ 10; }"]],
      /^predict changed/,
    ],
    [
      "what is written to only where there is a browser",
      {
        model: model("", {
          before: `function publish(x: unknown) { if (typeof (globalThis as any).document !== "undefined") (window as any).x = x; return x; }\ndeclare const window: unknown;`,
        }).replace("void input;", "publish(input);"),
      },
      [PREDICT],
      /^predict changed/,
    ],
    [
      "variables that callbacks of a loaded object count in while it runs",
      {
        model: `class Engine { run(each: (f: (n: number) => void) => void) { let n = 0; const count = (by: number) => { n += by; }; each(count); return n; } }\nexport class Model { engine = new Engine(); predict() { return this.engine.run((f) => f(1)) + 1; } }`,
      },
      [["model", "+ 1; }", "+ 10; }"]],
      /^predict changed/,
    ],
    [
      "parts of the model that predict takes by destructuring",
      {
        model: `export class Model { weights!: number[]; bias = 1; load() { this.weights = [1, 2]; } predict() { const { weights, bias } = this; return weights.length + bias; } }`,
      },
      [["model", "length + bias", "length - bias"]],
      /^predict changed/,
    ],
    [
      "helpers that fill what a request has made, given a part of the model to read",
      {
        model: `function scale(values: number[], by: { n: number }) { const out: number[] = []; for (const v of values) out.push(v * by.n); return out; }\nfunction fill(out: number[], n: number) { out.push(n); return out; }\nexport class Model { by = { n: 2 }; load() {} predict(v: number[]) { return [fill([], 1), scale(v, this.by), 1]; } }`,
      },
      [["model", ", 1]; }", ", 2]; }"]],
      /^predict changed/,
    ],
    ["a comment", { model: model("") }, [["model", "return 1;", "return 1; // one"]], /only comments/],
  ];
  for (const [name, files, edits, reason] of cases) {
    it(name, async (t) => {
      const change = await classify(t, files, ...edits);
      assert.equal(change.kind, "methods", change.reason);
      assert.match(change.reason, reason);
    });
  }
});

describe("a new process is loaded", () => {
  const cases: [name: string, files: Files, edits: Edit[], reason: RegExp][] = [
    [
      "an edit of load",
      { model: model("load() { return 5; }") },
      [["model", "return 5", "return 6"]],
      /^load changed$/,
    ],
    [
      "an edit of the constructor",
      { model: model("constructor() { console.debug(5); }") },
      [["model", "debug(5)", "debug(66)"]],
      /^the constructor changed$/,
    ],
    [
      "an edit of setupEnvironment",
      { model: model("setupEnvironment() { return 5; }") },
      [["model", "return 5", "return 6"]],
      /^setupEnvironment changed$/,
    ],
    [
      "an edit of a field",
      { model: model("size = 3;") },
      [["model", "size = 3", "size = 4"]],
      /^the field size changed$/,
    ],
    [
      "a new field",
      { model: model("") },
      [["model", "predict(", "size = 3;\n  predict("]],
      /^the field size changed$/,
    ],
    [
      "an arrow function in a field",
      { model: "export class Model { predict = (x: number) => x + 1; }" },
      [["model", "x + 1", "x + 2"]],
      /^the field predict changed$/,
    ],
    [
      "an arrow function that becomes a method",
      { model: "export class Model { predict = (x: number) => { return x; } }" },
      [["model", "predict = (x: number) => {", "predict(x: number) {"]],
      /./,
    ],
    [
      "an edit of a helper of load in another file",
      {
        model: `import { prepare } from "./prepare.ts";\nexport class Model { n = 0; load() { this.n = prepare(); } predict() { return this.n; } }`,
        prepare: `import { base } from "./base.ts";\nexport function prepare() { return base() + 1; }`,
        base: "export const base = () => 5;",
      },
      [["base", "5", "6"]],
      /^base \(model\/base\.ts\) changed, which load uses$/,
    ],
    [
      "an edit of a constant that load and predict use",
      {
        model: `const SIZE = 4;\nexport class Model { n = 0; load() { this.n = SIZE; } predict() { return SIZE + this.n; } }`,
      },
      [["model", "SIZE = 4", "SIZE = 5"]],
      /^SIZE \(model\/model\.ts\) changed, which load uses$/,
    ],
    [
      "an edit of a method that load calls",
      {
        model: `export class Model { n = 0; load() { this.fill(); } fill() { this.n = 1; } predict() { return this.n; } }`,
      },
      [["model", "n = 1", "n = 2"]],
      /^fill changed, which load uses$/,
    ],
    [
      "an edit of a method that load calls by another name for this",
      {
        model: `export class Model { n = 0; load() { const self = this; self.fill(); } fill() { this.n = 1; } predict() { return this.n; } }`,
      },
      [["model", "n = 1", "n = 2"]],
      /fill changed/,
    ],
    [
      "an edit of a method that the constructor binds",
      {
        model: `export class Model { constructor() { this.predict = this.predict.bind(this); } predict() { return 1; } }`,
      },
      [PREDICT],
      /predict changed/,
    ],
    [
      "a method that load picks by a computed name",
      {
        model: `export class Model { n = 0; load() { for (const k of ["fill"]) (this as any)[k](); } fill() { this.n = 1; } predict() { return this.n; } }`,
      },
      [["model", "this.n = 1", "this.n = 2"]],
      /fill changed/,
    ],
    [
      "an edit of a class whose instance load keeps",
      {
        model: `class Tok { encode(s: string) { return s + 1; } }\nexport class Model { tok!: Tok; load() { this.tok = new Tok(); } predict(s: string) { return this.tok.encode(s); } }`,
      },
      [["model", "s + 1", "s + 2"]],
      /^Tok .*changed, which load uses$/,
    ],
    [
      "an edit of the constructor of a base class",
      {
        model: `class Base { n: number; constructor() { this.n = 1; } }\nexport class Model extends Base { predict() { return this.n; } }`,
      },
      [["model", "n = 1", "n = 2"]],
      /constructor changed/,
    ],
    [
      "another base class",
      {
        model: `class A { n = 1; }\nclass B { n = 2; }\nvoid B;\nexport class Model extends A { predict() { return this.n; } }`,
      },
      [["model", "extends A", "extends B"]],
      /./,
    ],
    [
      "a base class made by a function",
      {
        model: `const mix = (base: any) => class extends base { half() { return 2; } };\nexport class Model extends mix(Object) { predict() { return (this as any).half(); } }`,
      },
      [["model", "return 2", "return 4"]],
      /changed/,
    ],
    ["#private names", { model: model("#n = 1;\n  get n() { return this.#n; }") }, [PREDICT], /#private/],
    [
      "#private names of a base class",
      {
        model: `class Base { #n = 1; n() { return this.#n; } }\nexport class Model extends Base { predict() { return 1; } }`,
      },
      [PREDICT],
      /#private/,
    ],
    [
      "weights in a variable of the module",
      {
        model: `let session: { run(): number } | undefined;\nexport class Model { async load() { session = { run: () => 3 }; } predict() { return [session!.run(), 1]; } }`,
      },
      [["model", ", 1]", ", 2]"]],
      /^load sets session, which predict uses$/,
    ],
    [
      "weights in a variable of another module",
      {
        model: `import { use, open } from "./session.ts";\nexport class Model { load() { open(); } predict() { return use() + 1; } }`,
        session: `let session: number | undefined;\nexport const open = () => { session = 3; };\nexport const use = () => session!;`,
      },
      [["model", "+ 1", "+ 2"]],
      /load sets session, which predict uses/,
    ],
    [
      "a cache of the module that load fills",
      {
        model: `const cache = new Map<string, number>();\nexport class Model { load() { cache.set("a", 1); } predict() { return [cache.get("a"), 1]; } }`,
      },
      [["model", ", 1]", ", 2]"]],
      /^load and predict share cache$/,
    ],
    [
      "an object of the module that load puts on the instance",
      {
        model: `const state = { n: 0 };\nexport class Model { s = state; predict() { state.n++; return [this.s.n, 1]; } }`,
      },
      [["model", ", 1]", ", 2]"]],
      /share state/,
    ],
    [
      "a symbol as a mark",
      {
        model: `const DONE = Symbol("done");\nexport class Model { mark!: symbol; load() { this.mark = DONE; } predict() { return [this.mark === DONE, 1]; } }`,
      },
      [["model", ", 1]", ", 2]"]],
      /share DONE/,
    ],
    [
      "instanceof a class whose instance load made",
      {
        model: `class Tok {}\nexport class Model { tok!: object; load() { this.tok = new Tok(); } predict() { return [this.tok instanceof Tok, 1]; } }`,
      },
      [["model", ", 1]", ", 2]"]],
      /share Tok/,
    ],
    [
      "a class with #private names that both use",
      {
        model: `class V { #x = 1; same(o: V) { return this.#x === o.#x; } }\nexport class Model { v!: V; load() { this.v = new V(); } predict() { return [this.v.same(new V()), 1]; } }`,
      },
      [["model", ", 1]", ", 2]"]],
      /share V/,
    ],
    [
      "a function as a key",
      {
        model: `function mark() {}\nexport class Model { m!: Map<unknown, number>; load() { this.m = new Map([[mark, 3]]); } predict() { return [this.m.get(mark), 1]; } }`,
      },
      [["model", ", 1]", ", 2]"]],
      /share mark/,
    ],
    [
      "a method that both load and requests call, with a variable of the module",
      {
        model: `let n = 0;\nexport class Model { load() { this.count(); } count() { return (n += 1); } predict() { return [this.count(), 1]; } }`,
      },
      [["model", ", 1]", ", 2]"]],
      /^load sets n, which predict uses$/,
    ],
    [
      "a callback that load leaves, to a method with a variable of the module",
      {
        model: `import { EventEmitter } from "node:events";\nlet n = 0;\nexport class Model { bus = new EventEmitter(); load() { this.bus.on("x", () => this.count()); this.count(); } count() { return (n += 1); } predict() { this.bus.emit("x"); return 1; } }`,
      },
      [PREDICT],
      /^load sets n, which count uses$/,
    ],
    [
      "a singleton that load makes",
      {
        model: `let made: { n: number } | undefined;\nconst get = () => (made ??= { n: 1 });\nexport class Model { load() { get().n = 5; } predict() { return get().n + 1; } }`,
      },
      [["model", "n + 1", "n + 2"]],
      /made|get/,
    ],
    [
      "a registry that code at the top level fills",
      {
        model: `const parts: string[] = [];\nconst add = (p: string) => parts.push(p);\nconst first = add("a");\nvoid first;\nexport class Model { n = ""; load() { this.n = parts.join(); } predict() { return this.n; } }`,
      },
      [["model", `add("a")`, `add("bb")`]],
      /changed/,
    ],
    [
      "an edit of a side effect",
      { model: model("", { before: `process.env["X"] = "1";` }) },
      [["model", `"1"`, `"22"`]],
      /top level .*changed, which runs/,
    ],
    [
      "an edit of what a side effect calls",
      { model: model("", { before: `function setUp() { process.env["X"] = "1"; }\nsetUp();` }) },
      [["model", `"1"`, `"22"`]],
      /setUp .*changed, which runs when the module is loaded/,
    ],
    [
      "awaiting at the top level",
      { model: model("", { before: "const n = await Promise.resolve(1);\nvoid n;" }) },
      [PREDICT],
      /awaits at its top level/,
    ],
    [
      "an edit of what load imports dynamically",
      {
        model: `export class Model { n = 0; async load() { this.n = (await import("./lazy.ts")).value(); } predict() { return this.n; } }`,
        lazy: "export const value = () => 5;",
      },
      [["lazy", "5", "6"]],
      /value .*changed|init_lazy .*changed/,
    ],
    [
      "a lazily imported module that both use",
      {
        model: `export class Model { async load() { (await import("./lazy.ts")).state.n = 5; } async predict() { return (await import("./lazy.ts")).state.n + 1; } }`,
        lazy: "export const state = { n: 0 };",
      },
      [["model", "n + 1", "n + 2"]],
      /share|sets/,
    ],
    [
      "a CommonJS module that both use",
      {
        model: `import lib from "./lib.cjs";\nexport class Model { load() { lib.state.n = 5; } predict() { return lib.state.n + 1; } }`,
        "lib.cjs": "module.exports = { state: { n: 0 } };",
      },
      [["model", "n + 1", "n + 2"]],
      /share/,
    ],
    [
      "a static of the class that the constructor counts in",
      {
        model: `export class Model { static made = 0; constructor() { Model.made++; } predict() { return [Model.made, 1]; } }`,
      },
      [["model", ", 1]", ", 2]"]],
      /predict changed/,
    ],
    [
      "a value that predict has made and kept",
      {
        model: `class Tok { encode(s: string) { return s + 1; } }\nexport class Model { tok?: Tok; predict(s: string) { return (this.tok ??= new Tok()).encode(s); } }`,
      },
      [["model", "s + 1", "s + 2"]],
      /^predict keeps values in the loaded model$/,
    ],
    [
      "answers that predict has kept",
      {
        model: `export class Model { cache = new Map<string, string>(); predict(s: string) { const c = this.cache; if (!c.has(s)) c.set(s, s + 1); return c.get(s); } }`,
      },
      [["model", "s + 1", "s + 2"]],
      /keeps values/,
    ],
    [
      "answers that a helper has kept",
      {
        model: `function keep(c: Map<string, string>, s: string) { if (!c.has(s)) c.set(s, s + 1); return c.get(s); }\nexport class Model { cache = new Map<string, string>(); predict(s: string) { return keep(this.cache, s); } }`,
      },
      [["model", "s + 1", "s + 2"]],
      /^keep keeps values in the loaded model$/,
    ],
    [
      "answers that a helper hands to another one to keep",
      {
        model: `function put(c: Map<string, string>, s: string, v: string) { c.set(s, v); return v; }\nfunction keep(c: Map<string, string>, s: string, v: string) { return c.get(s) ?? put(c, s, v); }\nexport class Model { cache = new Map<string, string>(); predict(s: string) { return keep(this.cache, s, s + 1); } }`,
      },
      [["model", "s + 1", "s + 2"]],
      /^(keep|put) keeps values/,
    ],
    [
      "answers that a class wrapped around a part of the model keeps there",
      {
        model: `class Memo { m: Map<string, string>; constructor(m: Map<string, string>) { this.m = m; } of(s: string, v: string) { if (!this.m.has(s)) this.m.set(s, v); return this.m.get(s); } }\nexport class Model { cache = new Map<string, string>(); predict(s: string) { return new Memo(this.cache).of(s, s + 1); } }`,
      },
      [["model", "s + 1", "s + 2"]],
      /^Memo keeps values/,
    ],
    [
      "answers that a class of the bundle has kept",
      {
        model: `class Memo { m = new Map<string, string>(); of(s: string, make: () => string) { if (!this.m.has(s)) this.m.set(s, make()); return this.m.get(s); } }\nexport class Model { memo = new Memo(); predict(s: string) { return this.memo.of(s, () => s + 1); } }`,
      },
      [["model", "s + 1", "s + 2"]],
      /^Memo keeps values/,
    ],
    [
      "answers that one object of the bundle gives another one to keep",
      {
        model: `class Store { last = ""; note(v: string) { this.last ||= v; return this.last; } }\nclass Engine { store = new Store(); run(v: string) { return this.store.note(v); } }\nexport class Model { engine!: Engine; load() { this.engine = new Engine(); } predict(s: string) { return this.engine.run(s + 1); } }`,
      },
      [["model", "s + 1", "s + 2"]],
      /^Store keeps values/,
    ],
    [
      "answers that an object of the bundle keeps in a variable of the module",
      {
        model: `const kept = new Map<string, string>();\nclass Memo { of(s: string, v: string) { if (!kept.has(s)) kept.set(s, v); return kept.get(s); } }\nexport class Model { memo = new Memo(); predict(s: string) { return this.memo.of(s, s + 1); } }`,
      },
      [["model", "s + 1", "s + 2"]],
      /^Memo keeps values/,
    ],
    [
      "answers that a closure has kept",
      {
        model: `function memo() { const m = new Map<string, string>(); return (s: string, make: () => string) => { if (!m.has(s)) m.set(s, make()); return m.get(s); }; }\nexport class Model { memo = memo(); predict(s: string) { return this.memo(s, () => s + 1); } }`,
      },
      [["model", "s + 1", "s + 2"]],
      /^memo keeps values/,
    ],
    [
      "answers that a closure has a helper keep",
      {
        model: `function keep(m: Map<string, string>, s: string, v: string) { if (!m.has(s)) m.set(s, v); return m.get(s); }\nfunction memo() { const m = new Map<string, string>(); return (s: string, v: string) => keep(m, s, v); }\nexport class Model { memo = memo(); predict(s: string) { return this.memo(s, s + 1); } }`,
      },
      [["model", "s + 1", "s + 2"]],
      /^memo keeps values/,
    ],
    [
      "answers that an object of the bundle has a helper keep",
      {
        model: `function keep(m: Map<string, string>, s: string, v: string) { if (!m.has(s)) m.set(s, v); return m.get(s); }\nclass Memo { m = new Map<string, string>(); of(s: string, v: string) { return keep(this.m, s, v); } }\nexport class Model { memo = new Memo(); predict(s: string) { const { memo } = this; return memo.of(s, s + 1); } }`,
      },
      [["model", "s + 1", "s + 2"]],
      /^Memo keeps values/,
    ],
    [
      "answers that a closure in a field has kept",
      {
        model: `export class Model { memo = (() => { const m = new Map<string, string>(); return (s: string, v: string) => { if (!m.has(s)) m.set(s, v); return m.get(s); }; })(); predict(s: string) { return this.memo(s, s + 1); } }`,
      },
      [["model", "s + 1", "s + 2"]],
      /^the field memo keeps values/,
    ],
    [
      "answers that a closure left by load has kept",
      {
        model: `export class Model { say!: (v: string) => string; load() { let kept: string | undefined; this.say = (v) => (kept ??= v); } predict(s: string) { return this.say(s + 1); } }`,
      },
      [["model", "s + 1", "s + 2"]],
      /^load keeps values/,
    ],
    [
      "answers that a closure left by a constructor of the bundle has kept",
      {
        model: `class Memo { of: (v: string) => string; constructor() { let kept: string | undefined; this.of = (v) => (kept ??= v); } }\nexport class Model { memo = new Memo(); predict(s: string) { return this.memo.of(s + 1); } }`,
      },
      [["model", "s + 1", "s + 2"]],
      /^Memo keeps values/,
    ],
    [
      "answers that a closure has kept behind a name",
      {
        model: `function memo() { let kept: string | undefined; return { of: (v: string) => (kept ??= v) }; }\nexport class Model { tools = memo(); predict(s: string) { return this.tools.of(s + 1); } }`,
      },
      [["model", "s + 1", "s + 2"]],
      /^memo keeps values/,
    ],
    [
      "answers kept in a global",
      {
        model: `export class Model { predict(s: string) { const g = globalThis as any; g.kept; return ((globalThis as any).kept ??= s + 1); } }`,
      },
      [["model", "s + 1", "s + 2"]],
      /keeps values outside the code/,
    ],
    [
      "a changed schema",
      { model: model(`static input = { predict: "raw" };`) },
      [["model", `"raw" }`, `"raw", messages: "raw" }`]],
      /^static input changed$/,
    ],
    [
      "a changed schema beside the class",
      {
        model: model("static input = Input;", {
          before: `const Input = { "~standard": { validate: () => 1 } };`,
        }),
      },
      [["model", "=> 1", "=> 22"]],
      /^Input .*changed, which runs when the module is loaded$/,
    ],
    [
      "functions that keep one variable between them",
      {
        model: `const [put, take] = (() => { let v = 0; return [(x: number) => { v = x; }, () => v] as const; })();\nexport class Model { load() { put(3); } predict() { return [take(), 1]; } }`,
      },
      [["model", ", 1]", ", 2]"]],
      /^load and predict share put$/,
    ],
    [
      "new.target in a constructor that lists the methods",
      {
        model: `export class Model { names: string[]; constructor() { this.names = Object.getOwnPropertyNames(new.target.prototype); } predict() { return this.names; } }`,
      },
      [["model", "predict(", "extra() {}\n  predict("]],
      /^extra changed, which the constructor uses$/,
    ],
    [
      "instanceof a function whose instance load made",
      {
        model: `import { Tok } from "./tok.js";\nexport class Model { tok!: object; load() { this.tok = new (Tok as any)(); } predict() { return [this.tok instanceof (Tok as any), 1]; } }`,
        "tok.js": "export function Tok() { this.n = 1; }",
      },
      [["model", ", 1]", ", 2]"]],
      /^load and predict share Tok$/,
    ],
    [
      "a constructor that returns another object",
      {
        model: `class Real { load() {} predict() { return 7; } }\nexport class Model { constructor() { return new Real() as any; } load() {} predict() { return 1; } }`,
      },
      [PREDICT],
      /constructor of Model returns an object$/,
    ],
    [
      "another prototype that load gives the instance",
      { model: model("load() { (this as any).__proto__ = { predict: () => 7 }; }") },
      [PREDICT],
      /^predict changed, which load uses$/,
    ],
    [
      "an override that the constructor of a base class from outside calls",
      {
        model: `import { Writable } from "node:stream";\nexport class Model extends Writable { w = 0; override _construct(done: () => void) { this.w = 7; done(); } predict() { return this.w; } }`,
      },
      [["model", "w = 7", "w = 88"]],
      /^_construct changed/,
    ],
    [
      "a timer of the module",
      { model: model("", { before: "export const timer = setInterval(() => 0, 1000);" }) },
      [PREDICT],
      /timer would run a second time/,
    ],
    ["eval", { model: model(`load() { return eval("1"); }`) }, [PREDICT], /eval/],
    [
      "a class that a function makes",
      {
        model: `function make() { return class { predict() { return 1; } }; }\nexport const Model = make();`,
      },
      [PREDICT],
      /cannot be seen/,
    ],
  ];
  for (const [name, files, edits, reason] of cases) {
    it(name, async (t) => {
      const change = await classify(t, files, ...edits);
      assert.equal(change.kind, "process", change.reason);
      assert.match(change.reason, reason);
    });
  }
});

it("what is no module is never compared", () => {
  assert.deepEqual(classifyCodeChange("export class Model {", "export class Model {}", "Model"), {
    kind: "process",
    reason: "the code cannot be compared",
  });
});
