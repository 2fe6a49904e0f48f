import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { transform } from "esbuild";
import { classifyCodeChange } from "../../src/bundle/classify-change.ts";
import { seededRandom } from "../helpers/random.ts";

const CASES = 1200;

/** Pieces that a model is put together from; an edit replaces some. */
interface Parts {
  constant: string;
  state: string;
  helper: string;
  tool: string;
  top: string;
  fields: string;
  load: string;
  preprocess: string;
  predict: string;
}

const CHOICES: { [part in keyof Parts]: readonly string[] } = {
  constant: ["const K = 1;", "const K = 2;", "const K = 2 * 3;", "let K = 1;"],
  state: [
    "let box = 1;",
    "let box;",
    "const box = new Map([['n', 1]]);",
    "const box = new Map([['n', K]]);",
    "const box = [1];",
    "const box = { n: 1 };",
    "const box = 1;",
    "const box = Symbol.for('x').description.length;",
  ],
  helper: [
    "function help(x) { return x + 1; }",
    "function help(x) { return x + 2; }",
    "function help(x) { return x + K; }",
    "const help = (x) => x * size(box);",
    "const help = (x) => { help.calls = 1; return x + (help.last ?? 0); };",
    "function help(x) { return new Tool(x).size(); }",
    "const help = (() => { let seen = 0; return (x) => x + (seen ||= K); })();",
  ],
  tool: [
    "class Tool { constructor(n) { this.n = n; } size() { return this.n + 1; } same(o) { return o.n === this.n; } }",
    "class Tool { constructor(n) { this.n = n; } size() { return this.n + 2; } same(o) { return o.n === this.n; } }",
    "class Tool { #n; constructor(n) { this.#n = n; } size() { return this.#n; } same(o) { return o.#n === this.#n; } }",
    "class Tool { static made = 0; constructor(n) { this.n = n; Tool.made++; } size() { return Tool.made; } same() { return true; } }",
  ],
  top: [
    "",
    "",
    "help.last = 3;",
    "help.last = 4;",
    "Tool.prototype.extra = () => K;",
    "if (Array.isArray(box)) box.push(K);",
  ],
  fields: [
    "extra = 9;",
    "extra = 8;",
    "extra = 9; say = (x) => x + K;",
    "extra = 9; say = () => size(box);",
    "extra = help(1);",
    "extra = 9; #s = 4; secret = () => this.#s; open() { return this.#s; }",
  ],
  load: [
    "this.w = 1;",
    "this.w = help(1);",
    "this.w = K; this.preprocess();",
    "if (box instanceof Map) box.set('n', 5); this.w = size(box);",
    "if (Array.isArray(box)) box.push(7); this.w = 3;",
    "try { box = 7; } catch {} this.w = 3;",
    "try { K = 7; } catch {} this.w = 3;",
    "this.w = { k: K };",
    "this.w = new Tool(3); this.tool = this.w;",
    "this.w = 2; this.f = help;",
    "this.w = 2; const self = this; self.preprocess();",
    "this.w = 2; for (const m of ['preprocess']) this[m]();",
    "this.w = 2; this.bound = this.preprocess.bind(this);",
    "this.w = 2; help.last = 10;",
    "this.w = 2; globalThis.fuzzed = 5;",
    "this.w = 2; this.memo = memo();",
    "this.w = 2; this.keeper = new Keeper();",
    "this.w = 2; this.map = new Map();",
  ],
  preprocess: [
    "preprocess() { return this.extra; }",
    "preprocess() { this.extra = K; return 1; }",
    "preprocess() { return (box = (box || 0) + 1); }",
    "preprocess() { this.extra += 1; return 1; }",
    "preprocess() { return (this.kept ??= new Tool(K)).size(); }",
    "preprocess() { const c = (this.cache ??= new Map()); if (!c.has(1)) c.set(1, help(1)); return c.get(1); }",
  ],
  predict: [
    "return [this.w, x];",
    "return help(x);",
    "return [help(x), this.w, size(box)];",
    "return [K, this.extra, size(box)];",
    "return [this.preprocess(), this.extra];",
    "return [this.w instanceof Tool, new Tool(x).size()];",
    "return this.tool ? this.tool.same(new Tool(3)) : new Tool(x).size();",
    "return [this.f === help, this.say?.(x)];",
    "return [this.bound?.(), this.tool?.extra?.(), this.w?.size?.()];",
    "return [this.secret?.(), x];",
    "return [globalThis.fuzzed ?? 0, help.last ?? 0];",
    "return this.memo ? this.memo(x, () => help(x)) : x;",
    "return this.keeper ? this.keeper.of(x, () => K) : x;",
    "return this.keeper ? [this.keeper.size(), K] : x;",
    "return this.map ? keep(this.map, x, () => help(x)) : x;",
  ],
};

/** Pieces that are dangerous together, more often together than chance has it. */
const DANGERS: Partial<Parts>[] = [
  {
    helper: "const help = (x) => { help.calls = 1; return x + (help.last ?? 0); };",
    top: "help.last = 3;",
    load: "this.w = help(1);",
  },
  { state: "const box = [1];", top: "if (Array.isArray(box)) box.push(K);", load: "this.w = size(box);" },
  {
    preprocess: "preprocess() { return (this.kept ??= new Tool(K)).size(); }",
    load: "this.w = 1;",
    fields: "extra = 9;",
  },
  {
    preprocess:
      "preprocess() { const c = (this.cache ??= new Map()); if (!c.has(1)) c.set(1, help(1)); return c.get(1); }",
    load: "this.w = 1;",
    fields: "extra = 9;",
  },
  { load: "this.w = new Tool(3); this.tool = this.w;", fields: "extra = 9; secret = () => this.#s; #s = 1;" },
  { load: "this.w = 2; this.memo = memo();", predict: "return this.memo ? this.memo(x, () => help(x)) : x;" },
  {
    load: "this.w = 2; this.keeper = new Keeper();",
    predict: "return this.keeper ? this.keeper.of(x, () => K) : x;",
  },
  {
    load: "this.w = 2; this.keeper = new Keeper();",
    predict: "return this.keeper ? [this.keeper.size(), K] : x;",
  },
  {
    load: "this.w = 2; this.map = new Map();",
    predict: "return this.map ? keep(this.map, x, () => help(x)) : x;",
  },
  {
    load: "this.w = 2; const self = this; self.preprocess();",
    state: "let box = 1;",
    preprocess: "preprocess() { return (box = (box || 0) + 1); }",
  },
];

const PARTS = Object.keys(CHOICES) as (keyof Parts)[];

function source(parts: Parts): string {
  return `${parts.constant}\n${parts.state}
function size(b) { return b instanceof Map ? b.get("n") : Array.isArray(b) ? b.length : (b?.n ?? b ?? 0); }
function keep(m, k, make) { if (!m.has(k)) m.set(k, make()); return m.get(k); }
function memo() { const m = new Map(); return (k, make) => keep(m, k, make); }
class Keeper { constructor() { this.m = new Map(); } of(k, make) { if (!this.m.has(k)) this.m.set(k, make()); return this.m.get(k); } size() { return this.m.size; } }
${parts.helper}\n${parts.tool}\n${parts.top}
export class Model { ${parts.fields} load() { ${parts.load} } ${parts.preprocess} predict(x) { ${parts.predict} } }`;
}

async function compile(text: string): Promise<string> {
  const { code } = await transform(text, { loader: "js", format: "esm", target: "node20", keepNames: true });
  return code;
}

interface Model {
  load(): void;
  preprocess(x: number): unknown;
  predict(x: number): unknown;
}

let imports = 0;

/** Each import is a module of its own, as in another process. */
async function importModel(code: string): Promise<new () => Model> {
  imports += 1;
  const url = `data:text/javascript;base64,${Buffer.from(`${code}\n// ${imports}`).toString("base64")}`;
  return ((await import(url)) as { Model: new () => Model }).Model;
}

async function loaded(code: string): Promise<Model> {
  delete (globalThis as { fuzzed?: unknown }).fuzzed;
  const model = new (await importModel(code))();
  model.load();
  return model;
}

/** Answers, or what was thrown: a fresh process may throw as well. */
function answers(model: Model): unknown[] {
  const ask = (method: "predict" | "preprocess", x: number): string => {
    try {
      return JSON.stringify(model[method](x));
    } catch (error) {
      return String(error);
    }
  };
  return [ask("predict", 0), ask("preprocess", 1), ask("predict", 3)];
}

/** The counter in `preprocess` goes on where it was: that is what keeping an instance means. */
const COUNTS = "preprocess() { this.extra += 1; return 1; }";

describe("over random edits", () => {
  it("a swapped instance answers as a fresh process would, also when it has answered before", async () => {
    const random = seededRandom(20261123);
    const { pick } = random;
    let swapped = 0;
    for (let i = 0; i < CASES; i++) {
      const danger = random.int(2) === 0 ? {} : pick(DANGERS);
      const any = Object.fromEntries(PARTS.map((part) => [part, pick(CHOICES[part])])) as unknown as Parts;
      const before: Parts = { ...any, ...danger };
      const edited = random.int(2) === 0 ? pick(["predict", "helper", "constant"] as const) : pick(PARTS);
      const after = { ...before, [edited]: pick(CHOICES[edited]) };
      if (random.int(4) === 0) after.predict = pick(CHOICES.predict);
      const what = `--- before\n${source(before)}\n--- after\n${source(after)}`;
      const [old, now] = [await compile(source(before)), await compile(source(after))];
      const change = classifyCodeChange(old, now, "Model");
      if (change.kind !== "methods") continue;
      const fresh = await load(now);
      if (fresh === null) continue;
      const expected = answers(fresh);
      const instance = await load(old);
      if (instance === null) continue;
      // Where nothing changed, what the instance keeps is as good as it was.
      const keepsOn =
        [before.preprocess, after.preprocess].includes(COUNTS) || change.reason.startsWith("only");
      if (!keepsOn) answers(instance);
      Object.setPrototypeOf(instance, (await importModel(now)).prototype as object);
      assert.deepEqual(answers(instance), expected, `${change.reason}\n${what}`);
      swapped += 1;
    }
    // A classifier that always asks for a new process would prove nothing.
    assert.ok(swapped > CASES / 20, `only ${swapped} of ${CASES} were swaps`);
  });
});

/** Null for a model that does not load: it is never live. */
async function load(code: string): Promise<Model | null> {
  try {
    return await loaded(code);
  } catch {
    return null;
  }
}
