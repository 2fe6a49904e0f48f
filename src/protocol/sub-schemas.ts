import type { JsonSchema } from "./model-types.ts";

const ONE = ["items", "additionalProperties", "not"];
const LISTS = ["anyOf", "oneOf", "allOf", "prefixItems"];
const MAPS = ["properties", "$defs"];

/** The same schema with each schema directly inside it replaced. */
export function mapSubSchemas(schema: JsonSchema, change: (inner: JsonSchema) => JsonSchema): JsonSchema {
  const entries = Object.entries(schema).map(([key, value]): [string, unknown] => {
    if (ONE.includes(key) && isSchema(value)) return [key, change(value)];
    if (LISTS.includes(key) && Array.isArray(value))
      return [key, value.map((inner: unknown) => (isSchema(inner) ? change(inner) : inner))];
    if (MAPS.includes(key) && isSchema(value)) {
      const inner = Object.entries(value).map(([name, one]) => [name, isSchema(one) ? change(one) : one]);
      return [key, Object.fromEntries(inner)];
    }
    return [key, value];
  });
  return Object.fromEntries(entries);
}

/** Those schemas. */
export function subSchemas(schema: JsonSchema): JsonSchema[] {
  const found: JsonSchema[] = [];
  mapSubSchemas(schema, (inner) => {
    found.push(inner);
    return inner;
  });
  return found;
}

function isSchema(value: unknown): value is JsonSchema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
