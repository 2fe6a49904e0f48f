import assert from "node:assert/strict";
import { it } from "node:test";
import { NamedSchemas } from "../../src/protocol/named-schemas.ts";

const PREFIX = "#/components/schemas/";
const ref = (name: string) => ({ $ref: PREFIX + name });
const leaf = { type: "object", properties: { v: { type: "number" } } };

it("a type that two schemas share is one component; another of its name gets another name", () => {
  const names = new NamedSchemas(PREFIX, { Leaf: { type: "null" } });
  const one = { title: "Input", type: "object", properties: { a: { title: "Leaf", ...leaf } } };
  const two = {
    title: "Output",
    type: "object",
    properties: { b: { $ref: "#/$defs/Leaf" } },
    $defs: { Leaf: leaf },
  };
  assert.deepEqual(names.add(one, "PredictInput"), ref("Input"));
  assert.deepEqual(names.add(two, "PredictOutput"), ref("Output"));
  assert.deepEqual(names.all, {
    Leaf: { type: "null" },
    Input: { type: "object", properties: { a: ref("Leaf2") } },
    Leaf2: leaf,
    Output: { type: "object", properties: { b: ref("Leaf2") } },
  });
});

it("what has no name is called after its method, and what is small stays where it is", () => {
  const names = new NamedSchemas(PREFIX);
  assert.deepEqual(names.add({ type: "object", properties: {} }, "PredictInput"), ref("PredictInput"));
  assert.deepEqual(names.add({ type: "array", items: { type: "string" } }, "X"), {
    type: "array",
    items: { type: "string" },
  });
});

it("schemas that hold themselves, by name or as #, end", () => {
  const names = new NamedSchemas(PREFIX);
  const node = { type: "object", properties: { next: { $ref: "#/$defs/Node" } } };
  assert.deepEqual(names.add({ title: "Node", ...node, $defs: { Node: node } }, "A"), ref("Node"));
  assert.deepEqual(names.all["Node"], { type: "object", properties: { next: ref("Node") } });
  const root = { $schema: "draft", type: "object", properties: { inner: { $ref: "#" } } };
  assert.deepEqual(names.add(root, "PredictOutput"), ref("PredictOutput"));
  assert.deepEqual(names.all["PredictOutput"], {
    type: "object",
    properties: { inner: ref("PredictOutput") },
  });
});

it("a discriminator names the components of its values, or goes where a branch is none", () => {
  const names = new NamedSchemas(PREFIX);
  const shape = (kind: string) => ({
    title: kind.toUpperCase(),
    type: "object",
    properties: { kind: { const: kind } },
  });
  const { title: _, ...untitled } = shape("c");
  const union = (...oneOf: object[]) => ({ oneOf, discriminator: { propertyName: "kind" } });
  names.add(union(shape("a"), shape("b")), "U");
  assert.deepEqual(names.all["U"], {
    oneOf: [ref("A"), ref("B")],
    discriminator: { propertyName: "kind", mapping: { a: PREFIX + "A", b: PREFIX + "B" } },
  });
  names.add(union(shape("a"), untitled), "V");
  assert.deepEqual(names.all["V"], { oneOf: [ref("A"), untitled] });
});
