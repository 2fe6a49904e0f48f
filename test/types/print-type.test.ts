import assert from "node:assert/strict";
import { it } from "node:test";
import { printDeclaration, printType } from "../../src/types/client/print-type.ts";
import { readModel } from "../helpers/read-types.ts";

const text = { type: "string" };
const number = { type: "number" };

/** Printed as a type and read again, each is the same. */
for (const schema of [
  text,
  number,
  { type: "boolean" },
  { const: 'quo"te' },
  { enum: ["a", 1, null] },
  { type: ["string", "null"] },
  { type: "array", items: { type: "array", items: { type: ["string", "number"] } } },
  { type: "array", prefixItems: [text, number], items: false, maxItems: 2, minItems: 1 },
  { type: "array", prefixItems: [text], items: number, minItems: 1 },
  { type: "object", additionalProperties: { type: "array", items: { enum: ["a", "b"] } } },
  { type: "object", properties: { a: text, "odd-name": number, "1": text }, required: ["a"] },
  { type: "object", properties: { a: { type: "object", properties: { b: text }, required: ["b"] } } },
  { anyOf: [text, { type: "object", properties: { a: text }, required: ["a"] }] },
  {
    type: "object",
    properties: {
      a: { ...text, description: "Says it.\nTwice.", minLength: 2 },
      b: { ...number, minimum: 0 },
    },
  },
]) {
  it(`${JSON.stringify(schema)} survives being printed`, async (t) => {
    const { types } = await readModel(
      t,
      `export class Model { predict(input: { x: ${printType(schema)} }) {} }`,
    );
    const properties = types?.methods["predict"]?.input?.["properties"] as { x: object } | undefined;
    assert.deepEqual(properties?.x, sorted(schema));
  });
}

/** Integer-like keys come first in every object. */
function sorted(schema: object): unknown {
  return JSON.parse(JSON.stringify(schema));
}

it("what TypeScript cannot say is a wider type", () => {
  assert.equal(printType({}), "unknown");
  assert.equal(printType({ anyOf: [text, {}] }), "unknown");
  assert.equal(printType({ type: "integer", multipleOf: 2 }), "number");
  assert.equal(
    printType({ allOf: [{ $ref: "#/types/A" }, { anyOf: [text, number] }] }),
    "A & (string | number)",
  );
  assert.equal(printType({ not: {} }), "never");
  assert.equal(printType({ type: "string", format: "binary" }), "Blob");
  assert.equal(printType({ type: "object" }), "{ [key: string]: unknown }");
});

it("objects are interfaces; a comment cannot end early", () => {
  const schema = { type: "object", properties: { a: text }, description: "Ends */ here" };
  assert.equal(
    printDeclaration("A", schema),
    "/** Ends *\\/ here */\nexport interface A {\n  a?: string;\n}\n",
  );
  assert.equal(printDeclaration("B", { enum: ["x", "y"] }), 'export type B = "x" | "y";\n');
  const map = { type: "object", properties: { a: text }, additionalProperties: text };
  assert.equal(
    printDeclaration("C", map),
    "export type C = {\n  a?: string;\n} & { [key: string]: string };\n",
  );
});
