import assert from "node:assert/strict";
import { it } from "node:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import type { JsonSchema } from "../../src/protocol/model-types.ts";
import { type Check, findViolations } from "../../src/runtime/model/type-violations.ts";
import { compileChecks } from "../../src/types/compile-checks.ts";
import { type Random, seededRandom } from "../helpers/random.ts";

/** No formats and no typed arrays: there the built code is meant to be looser than Ajv by itself. */
const SCHEMA: JsonSchema = {
  type: "object",
  properties: {
    a: { type: "string", minLength: 2, description: "for people" },
    b: { type: ["number", "null"], minimum: 0 },
    c: { enum: ["x", "y", 1] },
    d: { type: "array", items: { $ref: "#/$defs/Node" } },
    e: { oneOf: [tagged("p", "number"), tagged("q", "string")], discriminator: { propertyName: "kind" } },
    f: {
      anyOf: [
        { type: "boolean" },
        { type: "array", prefixItems: [{ type: "string" }], items: false, minItems: 1 },
      ],
    },
    g: { type: "object", additionalProperties: { type: "number" } },
  },
  required: ["a", "b"],
  $defs: {
    Node: {
      type: "object",
      properties: { next: { $ref: "#/$defs/Node" }, v: { const: 1 } },
      required: ["v"],
    },
  },
};

function tagged(kind: string, type: string): JsonSchema {
  return { type: "object", properties: { kind: { const: kind }, v: { type } }, required: ["kind", "v"] };
}

it("20,000 random values: the built check agrees with Ajv, and whatever is refused is explained", async () => {
  const checks = await compileChecks({
    methods: { predict: { input: SCHEMA, output: null, item: null, supports_streaming: false } },
  });
  const load = async (text = ""): Promise<Check> => {
    const module = (await import(`data:text/javascript,${encodeURIComponent(text)}`)) as {
      predict_input: Check;
    };
    return module.predict_input;
  };
  const [check, explain] = [await load(checks?.check), await load(checks?.explain)];
  const reference = new Ajv2020({ strict: false, discriminator: true }).compile(SCHEMA);
  const random = seededRandom(7);
  let right = 0;
  for (let i = 0; i < 20_000; i++) {
    const value = randomValue(random, 0);
    const valid = reference(value);
    assert.equal(check(value), valid, JSON.stringify(value));
    if (valid) right += 1;
    else {
      const issues = findViolations(value, check, explain);
      assert.ok(issues.length > 0, JSON.stringify(value));
      for (const { message } of issues) assert.match(message, /^[a-z]/i);
    }
  }
  assert.ok(right > 500, `${right} were valid`);
});

const KEYS = ["a", "b", "c", "d", "e", "f", "g"];

/** Mostly near the schema: what is far from it is refused at once. */
function randomValue(random: Random, depth: number): unknown {
  if (depth === 0 && random.int(100) < 95) {
    const value: Record<string, unknown> = {
      a: random.pick(["ab", "abc", "a"]),
      b: random.pick([1, null, -1, 0]),
    };
    for (const key of KEYS.slice(2)) if (random.int(10) < 3) value[key] = near(key, random);
    return value;
  }
  return random.pick<unknown>([1, "x", null, true, [], {}, [1], { a: 1 }, "__proto__"]);
}

function near(key: string, random: Random): unknown {
  if (random.int(5) === 0) return randomValue(random, 1);
  switch (key) {
    case "c":
      return random.pick(["x", "y", 1, "z"]);
    case "d":
      return [{ v: 1, next: { v: random.pick([1, 2]) } }, { v: 1 }];
    case "e":
      return { kind: random.pick(["p", "q", "r"]), v: random.pick([1, "1"]) };
    case "f":
      return random.pick<unknown>([true, ["a"], ["a", "b"], [], [1]]);
    default:
      return { [random.pick(["k", "__proto__x", "1"])]: random.pick([1, "1"]) };
  }
}
