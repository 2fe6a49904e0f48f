import assert from "node:assert/strict";
import { it, type TestContext } from "node:test";
import type { MethodTypes } from "../../src/protocol/model-types.ts";
import { readModel, readTypes } from "../helpers/read-types.ts";

async function predictOf(t: TestContext, declarations: string, signature: string): Promise<MethodTypes> {
  const { types } = await readModel(
    t,
    `${declarations}\nexport class Model { ${signature} { return null as any; } }`,
  );
  return types?.methods["predict"] ?? { input: null, output: null, item: null, supports_streaming: false };
}

/** Each as the one property of an input: what is written, and its schema. */
const MAPPED: [type: string, schema: unknown][] = [
  ["string", { type: "string" }],
  ["number", { type: "number" }],
  ["boolean", { type: "boolean" }],
  ["null", { type: "null" }],
  ['"a"', { const: "a" }],
  ['"a" | "b"', { enum: ["a", "b"] }],
  ["1 | 2 | 3", { enum: [1, 2, 3] }],
  ["true", { const: true }],
  ["string | null", { type: ["string", "null"] }],
  ["string | number", { type: ["string", "number"] }],
  ['"a" | "b" | null', { enum: ["a", "b", null] }],
  ["boolean | null", { type: ["boolean", "null"] }],
  ["string[]", { type: "array", items: { type: "string" } }],
  ["readonly number[][]", { type: "array", items: { type: "array", items: { type: "number" } } }],
  [
    "[string, number]",
    {
      type: "array",
      prefixItems: [{ type: "string" }, { type: "number" }],
      items: false,
      maxItems: 2,
      minItems: 2,
    },
  ],
  [
    "[string, ...number[]]",
    { type: "array", prefixItems: [{ type: "string" }], items: { type: "number" }, minItems: 1 },
  ],
  ["Record<string, number>", { type: "object", additionalProperties: { type: "number" } }],
  ["{ [key: string]: boolean }", { type: "object", additionalProperties: { type: "boolean" } }],
  ["Date", { type: "string", format: "date-time" }],
  ["Float32Array", { type: "array", items: { type: "number" }, "x-typed-array": true }],
  ["File", { type: "string", format: "binary" }],
  ["`user-${string}`", { type: "string" }],
  ["string & { readonly brand: unique symbol }", { type: "string" }],
  [
    "{ a: string } & { b?: number }",
    { type: "object", properties: { a: { type: "string" }, b: { type: "number" } }, required: ["a"] },
  ],
  [
    "Partial<{ a: string; b: number }>",
    { type: "object", properties: { a: { type: "string" }, b: { type: "number" } } },
  ],
  [
    "Pick<{ a: string; b: number }, 'a'>",
    { type: "object", properties: { a: { type: "string" } }, required: ["a"] },
  ],
  [
    "Omit<{ a: string; b: number }, 'a'>",
    { type: "object", properties: { b: { type: "number" } }, required: ["b"] },
  ],
  [
    '{ kind: "a"; x: number } | { kind: "b"; y: string }',
    {
      oneOf: [
        {
          type: "object",
          properties: { kind: { const: "a" }, x: { type: "number" } },
          required: ["kind", "x"],
        },
        {
          type: "object",
          properties: { kind: { const: "b" }, y: { type: "string" } },
          required: ["kind", "y"],
        },
      ],
      discriminator: { propertyName: "kind" },
    },
  ],
  ["unknown", {}],
  ["any", {}],
  ["{}", {}],
  ["bigint", {}],
  ["symbol", {}],
  ["Map<string, number>", {}],
  ["Missing", {}],
  ["Uint8Array", {}],
  ["string | Missing", {}],
];

for (const [type, schema] of MAPPED) {
  it(`${type} becomes ${JSON.stringify(schema)}`, async (t) => {
    const { input } = await predictOf(t, "", `predict(input: { x: ${type}; y: string })`);
    const properties = { x: schema, y: { type: "string" } };
    assert.deepEqual(input, { type: "object", properties, required: ["x", "y"] });
  });
}

it("what a caller may leave out is not required, and functions are in no JSON", async (t) => {
  const signature =
    "predict(input: { a?: string; b: number | undefined; c: string; run(): void; f: () => number })";
  const { input } = await predictOf(t, "", signature);
  assert.deepEqual(input?.["required"], ["c"]);
  assert.deepEqual(Object.keys(input?.["properties"] ?? {}), ["a", "b", "c"]);
  assert.deepEqual(input?.["properties"], {
    a: { type: "string" },
    b: { type: "number" },
    c: { type: "string" },
  });
});

it("names: a title where a type is used once, a definition where it is used again or holds itself", async (t) => {
  const { input } = await predictOf(
    t,
    `interface Leaf { v: number } interface Tree { leaf: Leaf; inner: Tree[] } type Kind = "a" | "b";
     interface Page<T> { items: T[] } enum Color { Red = "red", Blue = "blue" }
     interface Input { tree: Tree; kind: Kind; pages: Page<Leaf>; color: Color }`,
    "predict(input: Input)",
  );
  const leaf = { type: "object", properties: { v: { type: "number" } }, required: ["v"] };
  const $ref = (name: string) => ({ $ref: `#/$defs/${name}` });
  assert.deepEqual(input, {
    title: "Input",
    type: "object",
    properties: {
      tree: $ref("Tree"),
      kind: { title: "Kind", enum: ["a", "b"] },
      pages: {
        title: "Page_Leaf",
        type: "object",
        properties: { items: { type: "array", items: $ref("Leaf") } },
        required: ["items"],
      },
      color: { title: "Color", enum: ["red", "blue"] },
    },
    required: ["tree", "kind", "pages", "color"],
    $defs: {
      Leaf: leaf,
      Tree: {
        type: "object",
        properties: { leaf: $ref("Leaf"), inner: { type: "array", items: $ref("Tree") } },
        required: ["leaf", "inner"],
      },
    },
  });
});

it("an input that holds itself has itself as a definition", async (t) => {
  const { input } = await predictOf(t, "interface Node { next?: Node; v: 1 }", "predict(input: Node)");
  const node = {
    type: "object",
    properties: { next: { $ref: "#/$defs/Node" }, v: { const: 1 } },
    required: ["v"],
  };
  assert.deepEqual(input, { title: "Node", ...node, $defs: { Node: node } });
});

it("types without end and without a name are cut off, never wrong", async (t) => {
  const endless = await predictOf(
    t,
    "type Nest<T> = { v: T; n?: Nest<T[]> };",
    "predict(input: Nest<string>)",
  );
  assert.equal(endless.input, null);
  const own = await predictOf(t, "const x = { a: 1, get me() { return x; } };", "predict(input: typeof x)");
  assert.deepEqual(own.input?.["properties"], { a: { type: "number" }, me: {} });
});

it("properties that are called like keywords are properties", async (t) => {
  const { input } = await predictOf(
    t,
    "interface Inner { a: string }",
    "predict(input: { default: Inner; title: Inner; const: Inner; $ref: string; items: Inner })",
  );
  const inner = { $ref: "#/$defs/Inner" };
  assert.deepEqual(input?.["properties"], {
    default: inner,
    title: inner,
    const: inner,
    $ref: { type: "string" },
    items: inner,
  });
});

it("comments become keywords; one that cannot be right is left out", async (t) => {
  const { input } = await predictOf(
    t,
    `/** What is asked. */
     interface Input {
       /**
        * The words.
        * @minLength 2
        * @maxLength 9
        * @pattern ^[a-z]+$
        * @example "abc"
        * @default hello
        */
       text: string;
       /**
        * @minimum 0
        * @maximum 1.5
        * @multipleOf 0
        * @default 1
        */
       n?: number;
       /**
        * @minLength many
        * @pattern (
        * @format date
        * @deprecated
        */
       bad: string;
     }`,
    "predict(input: Input)",
  );
  assert.equal(input?.["description"], "What is asked.");
  assert.deepEqual(input?.["properties"], {
    text: {
      type: "string",
      description: "The words.",
      minLength: 2,
      maxLength: 9,
      pattern: "^[a-z]+$",
      default: "hello",
      examples: ["abc"],
    },
    n: { type: "number", minimum: 0, maximum: 1.5, default: 1 },
    bad: { type: "string", format: "date", deprecated: true },
  });
});

const text = { type: "string" };
const RETURNED: [type: string, expected: Partial<MethodTypes>][] = [
  ["Promise<{ a: string }>", { output: { type: "object", properties: { a: text }, required: ["a"] } }],
  ["string | null", { output: { type: ["string", "null"] } }],
  ["void", { output: null }],
  ["Promise<unknown>", { output: null }],
  ["AsyncGenerator<string>", { output: null, item: text, supports_streaming: true }],
  ["Generator<string, void>", { output: null, item: text, supports_streaming: true }],
  ["Promise<AsyncIterable<string>>", { output: null, item: text, supports_streaming: true }],
  ["ReadableStream<string>", { output: null, item: text, supports_streaming: true }],
  ["AsyncGenerator<unknown>", { output: null, item: null, supports_streaming: true }],
  ["{ a: string } | AsyncGenerator<string>", { item: text, supports_streaming: true }],
  ["Response", { output: null }],
  ["Uint8Array", { output: null, binary_output: true }],
  ["Blob | string", { output: text, binary_output: true }],
  ["number[]", { output: { type: "array", items: { type: "number" } } }],
  ["Float32Array", { output: { type: "array", items: { type: "number" }, "x-typed-array": true } }],
  ["Set<string>", { output: null }],
  ["{ toJSON(): string }", { output: text }],
];

for (const [type, expected] of RETURNED) {
  it(`a method that returns ${type} answers ${JSON.stringify(expected)}`, async (t) => {
    const { input: _, ...types } = await predictOf(t, "", `predict(input: { q: string }): ${type}`);
    const whole = { supports_streaming: false, item: null, ...expected };
    assert.deepEqual(
      { ...types, output: "output" in expected ? types.output : undefined },
      { output: undefined, ...whole },
    );
  });
}

it("the input is preprocess's, the answer postprocess's, a row of predictBatch one call", async (t) => {
  const staged = await readModel(
    t,
    `export class Model {
      async preprocess(input: { url: string }) { return new Map<string, number>(); }
      predict(input: Map<string, number>) { return 1; }
      postprocess(output: number): { label: string } { return { label: "" }; }
    }`,
  );
  const predict = staged.types?.methods["predict"];
  assert.deepEqual(Object.keys(predict?.input?.["properties"] ?? {}), ["url"]);
  assert.deepEqual(Object.keys(predict?.output?.["properties"] ?? {}), ["label"]);
  const batch = await readModel(
    t,
    `import { HttpError } from "purlin";
    export class Model { predictBatch(inputs: { a: number }[]): (string | HttpError)[] { return []; } }`,
  );
  const rows = batch.types?.methods["predict"];
  assert.deepEqual(rows?.input, { type: "object", properties: { a: { type: "number" } }, required: ["a"] });
  assert.deepEqual(rows?.output, text);
});

it("types are found in other files, through paths, re-exports and base classes", async (t) => {
  const { types, files, complete } = await readTypes(t, {
    "tsconfig.json": '{ "extends": "./base.json" }',
    "base.json": '{ /* for all */ "compilerOptions": { "strict": false, "paths": { "@/*": ["./lib/*"] } } }',
    "lib/types.ts": "export interface Input { text: string | null }",
    "model/base.ts":
      'import type { Input } from "@/types";\nexport class Base { predict(input: Input) { return input.text; } }',
    "model/model.ts": 'import { Base } from "./base.ts";\nexport default class extends Base {}',
  });
  assert.deepEqual(types?.methods["predict"]?.input?.["properties"], { text: { type: ["string", "null"] } });
  // What predict returns is inferred.
  assert.deepEqual(types?.methods["predict"]?.output, { type: ["string", "null"] });
  const names = Object.keys(files).map((path) => path.split("/").slice(-2).join("/"));
  assert.deepEqual(names.map((name) => name.split("/").pop()).sort(), [
    "base.json",
    "base.ts",
    "model.ts",
    "tsconfig.json",
    "types.ts",
  ]);
  assert.equal(complete, true);
});

it("code with errors has the types that can be read", async (t) => {
  const { types, complete } = await readModel(
    t,
    `import type { Gone } from "./gone.ts";
    export class Model {
      predict(input: { a: string; gone: Gone; b: Nowhere }): { n: number } { const x: string = 3; return x; }
      chatCompletions(input: { a: `,
  );
  assert.equal(complete, false);
  const predict = types?.methods["predict"];
  assert.deepEqual(predict?.input?.["properties"], { a: text, gone: {}, b: {} });
  assert.deepEqual(predict?.output?.["properties"], { n: { type: "number" } });
});

it("what nothing tells is named, except where the class has a schema or takes bytes", async (t) => {
  const { untold } = await readModel(
    t,
    `export class Model {
      static input = { embeddings: { "~standard": { version: 1 } }, messages: "raw" };
      predict(input: unknown) { return 1; }
      chatCompletions(input: any) { return 1; }
      completions(input: Uint8Array) { return 1; }
      embeddings(input: unknown) { return 1; }
      messages(input: unknown) { return 1; }
      responses() { return 1; }
    }`,
  );
  assert.deepEqual(
    untold.map(({ method, type, line }) => [method, type, line]),
    [
      ["predict", "unknown", 3],
      ["chatCompletions", "any", 4],
    ],
  );
});

it("the same sources give the same bytes, in another folder and from a warm reader", async (t) => {
  const source = `type K = "z" | "a" | "m"; interface P { k: K; o?: P; u: K | null | number }
    export class Model { predict(input: P) { return { k: input.k, list: [input.u] }; } }`;
  const [one, two] = [
    await readModel(t, source, { checks: true }),
    await readModel(t, source, { checks: true }),
  ];
  assert.equal(JSON.stringify(one.types), JSON.stringify(two.types));
  assert.deepEqual(one.checks, two.checks);
  assert.ok(one.checks?.check.includes("predict_input"));
});
