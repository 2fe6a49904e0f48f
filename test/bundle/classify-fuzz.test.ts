import assert from "node:assert/strict";
import { it } from "node:test";
import { transform } from "esbuild";
import { classifyCodeChange } from "../../src/bundle/classify-change.ts";
import { seededRandom } from "../helpers/random.ts";

const CASES = 400;

/** Pieces that a model is put together from; an edit replaces some. */
interface Parts {
  state: string;
  helper: string;
  constant: string;
  load: string;
  predict: string;
}

const CHOICES: { [part in keyof Parts]: readonly string[] } = {
  state: ["let box = 1;", "const box = new Map([['n', 1]]);", "const box = [1];", "const box = 1;"],
  helper: [
    "function help(x) { return x + 1; }",
    "function help(x) { return x + 2; }",
    "function help(x) { return x + K; }",
    "const help = (x) => x * size(box);",
  ],
  constant: ["const K = 1;", "const K = 2;"],
  load: [
    "this.w = 1;",
    "this.w = help(1);",
    "this.w = K; this.read();",
    "if (box instanceof Map) box.set('n', 5); this.w = size(box);",
    "if (Array.isArray(box)) box.push(7); this.w = 3;",
    "this.w = { k: K };",
  ],
  predict: [
    "return [this.w, x];",
    "return help(x);",
    "return [help(x), this.w, size(box)];",
    "return [K, this.extra, size(box)];",
    "this.read(); return [this.w, this.extra];",
  ],
};

const PARTS = Object.keys(CHOICES) as (keyof Parts)[];

function source(parts: Parts): string {
  return `${parts.constant}\n${parts.state}
function size(b) { return b instanceof Map ? b.get("n") : Array.isArray(b) ? b.length : b; }
${parts.helper}
export class Model { extra = 9; load() { ${parts.load} } read() { this.extra = K; } predict(x) { ${parts.predict} } }`;
}

async function compile(text: string): Promise<string> {
  const { code } = await transform(text, { loader: "ts", format: "esm", target: "node20", keepNames: true });
  return code;
}

interface Model {
  load(): void;
  predict(x: number): unknown;
}

let imports = 0;

async function importModel(code: string): Promise<new () => Model> {
  imports += 1;
  const url = `data:text/javascript;base64,${Buffer.from(`${code}\n// ${imports}`).toString("base64")}`;
  return ((await import(url)) as { Model: new () => Model }).Model;
}

function loaded(modelClass: new () => Model): Model {
  const model = new modelClass();
  model.load();
  return model;
}

it("a swapped instance answers as a fresh process would, over random edits", async () => {
  const random = seededRandom(20261123);
  const { pick } = random;
  let swapped = 0;
  for (let i = 0; i < CASES; i++) {
    const before = Object.fromEntries(PARTS.map((part) => [part, pick(CHOICES[part])])) as unknown as Parts;
    const edited = pick(PARTS);
    const after = { ...before, [edited]: pick(CHOICES[edited]) };
    if (random.int(2) === 0) after.predict = pick(CHOICES.predict);
    const [old, now] = [await compile(source(before)), await compile(source(after))];
    const change = classifyCodeChange(old, now, "Model");
    if (change.kind !== "methods") continue;
    swapped += 1;
    const instance = loaded(await importModel(old));
    const fresh = await importModel(now);
    Object.setPrototypeOf(instance, (await importModel(now)).prototype as object);
    const expected = loaded(fresh);
    for (const x of [0, 3]) {
      const message = `${change.reason}\n--- before\n${source(before)}\n--- after\n${source(after)}`;
      assert.deepEqual(instance.predict(x), expected.predict(x), message);
    }
  }
  // A classifier that always asks for a new process would prove nothing.
  assert.ok(swapped > CASES / 20, `only ${swapped} of ${CASES} were swaps`);
});
