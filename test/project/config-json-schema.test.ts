import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Ajv } from "ajv";
import { parse } from "yaml";
import { configJsonSchema, type JsonSchema } from "../../src/project/config-json-schema.ts";
import { checkConfig } from "../helpers/check-config.ts";

const ajv = new Ajv({
  allErrors: true,
  strict: true,
  // Which of two keys is required stands beside where the keys are described.
  strictRequired: false,
  allowUnionTypes: true,
  unicodeRegExp: true,
});

const GOOD = [
  "{}",
  "model_name: a-1",
  "description: null",
  "runtime: {workers: auto, max_body_bytes: 10MiB, cors: ['*'], batching: {max_size: 2}}",
  "runtime: {streaming_read_timeout: 5, memory_limit: 1Gi, transport: {}}",
  "runtime:\nresources:\nbuild:\nsecrets:\nexamples:\nweights:\nenvironments:\n",
  "resources: {cpu: '1.5', memory: 1024, accelerator: 'H100:2'}",
  "secrets: {a: null, b.c: }",
  "environment_variables: {A: 1, B: true, C: x}",
  "examples: [{name: a, input: null}, {name: b, input: {x: [1]}, output: 5, method: embeddings}]",
  "examples: [{name: a, input_file: a.png, status: 415}, {name: b, input: 1, output: [1, 2], approx: 1e-4, cosine: 0.1}]",
  "weights: [{source: hf://o/m@main, mount_location: /m}, {source: r2://a.b/c, mount_location: /n/}]",
  `weights: [{source: "https://h/f#sha256=${"0".repeat(64)}", mount_location: /m, allow_patterns: ["*.bin"]}]`,
  "weights: [{source: s3://b/p, mount_location: /m}, {source: gs://b/p/q, mount_location: /o}]",
  "build: {external: [sharp, '@a/b'], target: linux-x64, node_version: '22', define: {A: 1}}",
  "build: {target: null, base_image: null}",
  "environments: {production: {autoscaling: {max_replicas: 3}}, dev: }",
  "environments: {dev: {runtime: {batching: null, transport: {kind: websocket}}}}",
  "model_class_name: Größe\nmodel_class_filename: deep/model.mts\nmodel_module_dir: .",
];

const BAD = [
  "[]",
  "model_nme: a",
  "model_name: A",
  "model_name: null",
  "description: 5",
  "runtime: {workers: 0}",
  "runtime: {workers: 1.5}",
  "runtime: {wokers: 1}",
  "runtime: {max_body_bytes: 1 XB}",
  "runtime: {batching: {max_wait: 1}}",
  "runtime: {transport: {kind: grpc}}",
  "runtime: {cors: [a.example]}",
  "runtime: {predict_timeout_seconds: 0}",
  "resources: {cpu: 1}",
  "resources: {memory: 512MB}",
  "resources: {accelerator: H10}",
  "secrets: [a]",
  "secrets: {a: b}",
  "secrets: {..: null}",
  "environment_variables: {PORT: 1}",
  "environment_variables: {PURLIN_X: 1}",
  "environment_variables: {A: [1]}",
  "examples: [{name: a}]",
  "examples: [{name: a, input: 1, method: websocket}]",
  "examples: [{name: a, input: 1, input_file: a.png}]",
  "examples: [{name: a, input_file: ../a.png}]",
  "examples: [{name: a, input: 1, output: 1, approx: 0}]",
  "examples: [{name: a, input: 1, status: ok}]",
  "examples: {a: 1}",
  "weights: [{source: ftp://a/b, mount_location: /m}]",
  "weights: [{source: 's3://b/p@v', mount_location: /m}]",
  "weights: [{source: 'https://user:pass@h/f', mount_location: /m}]",
  "weights: [{source: hf://o/m, mount_location: m}]",
  "weights: [{source: hf://o/m}]",
  "build: {external: sharp}",
  "build: {target: linux}",
  "build: {node_version: 22}",
  "data_dir: ../x",
  "data_dir: .",
  "model_class_filename: model.py",
  "autoscaling: {max_replicas: 0}",
  "environments: {Prod_1: {}}",
  "environments: {dev: {autoscalling: {}}}",
  "environments: {dev: {runtime: {workers: x}}}",
  "environments: {dev: {model_name: a}}",
];

describe("the JSON Schema of config.yaml", () => {
  const schema = configJsonSchema();
  const check = ajv.compile(schema);

  for (const text of GOOD) {
    it(`takes, as the validator does: ${JSON.stringify(text)}`, () => {
      assert.deepEqual(checkConfig(text).problems, []);
      assert.equal(check(parse(text)), true, JSON.stringify(check.errors));
    });
  }

  for (const text of BAD) {
    it(`refuses, as the validator does: ${JSON.stringify(text)}`, () => {
      assert.notEqual(checkConfig(text).error, null);
      assert.equal(check(parse(text)), false);
    });
  }

  it("is draft 7 and plain JSON, without the marks that only the validator reads", () => {
    assert.equal(schema["$schema"], "http://json-schema.org/draft-07/schema#");
    const text = JSON.stringify(schema);
    assert.deepEqual(JSON.parse(text), schema);
    assert.doesNotMatch(text, /"expects"|"candidates"|"\$ref"/);
  });

  it("every map of known keys is closed, and every key is described and has a default or is required", () => {
    const seen: string[] = [];
    walk(schema, "", (node, path) => {
      if (node["properties"] === undefined) return;
      assert.equal(node["additionalProperties"], false, path);
      const required = (node["required"] as string[] | undefined) ?? [];
      for (const [key, child] of Object.entries(node["properties"] as Record<string, JsonSchema>)) {
        const name = `${path}.${key}`;
        seen.push(name);
        assert.equal(typeof child["description"], "string", `${name} has no description`);
        const free = [
          "model_name",
          "streaming_read_timeout",
          "input",
          "input_file",
          "output",
          "approx",
          "cosine",
          "status",
          "ping_interval_seconds",
          "ping_timeout_seconds",
        ];
        if (path.startsWith(".environments") || required.includes(key) || free.includes(key)) continue;
        assert.notEqual(child["default"], undefined, `${name} has no default`);
      }
    });
    assert.ok(seen.length > 120, String(seen.length));
  });

  it("its defaults are valid and are those that the validator fills in", () => {
    const defaults = Object.entries(schema["properties"] as Record<string, JsonSchema>)
      .filter(([, child]) => child["default"] !== undefined)
      .map(([key, child]) => [key, child["default"]]);
    const config = JSON.stringify(Object.fromEntries(defaults));
    assert.deepEqual(checkConfig(config).config, checkConfig("").config);
  });
});

function walk(node: unknown, path: string, visit: (node: JsonSchema, path: string) => void): void {
  if (typeof node !== "object" || node === null) return;
  if (Array.isArray(node)) return node.forEach((child) => walk(child, path, visit));
  visit(node as JsonSchema, path);
  for (const [key, child] of Object.entries(node)) {
    if (key === "properties") {
      for (const [name, one] of Object.entries(child as object)) walk(one, `${path}.${name}`, visit);
    } else if (key !== "default") walk(child, path, visit);
  }
}
