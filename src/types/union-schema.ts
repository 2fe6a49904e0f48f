import type ts from "typescript-api";
import type { JsonSchema } from "../protocol/model-types.ts";
import type { WriterContext } from "./schema-writer.ts";

/** Types that a `type` keyword of their own tells whole. */
const SIMPLE = new Set(["string", "number", "boolean", "null"]);

/** One schema for several types: literals together, a shared tag told as such, null beside what it stands for. */
export function unionSchema(
  context: WriterContext,
  types: readonly ts.Type[],
  schemaOf: (type: ts.Type) => JsonSchema,
): JsonSchema {
  const { ts, side } = context;
  const literals: unknown[] = [];
  const parts: JsonSchema[] = [];
  const objects: ts.Type[] = [];
  let isNullable = false;
  for (const type of types) {
    const { flags } = type;
    if (flags & ts.TypeFlags.Never) continue;
    if (flags & (ts.TypeFlags.Any | ts.TypeFlags.Unknown)) return {};
    // Undefined has no place in JSON that comes in; alone or in an array, it goes out as null.
    if (flags & (ts.TypeFlags.Undefined | ts.TypeFlags.Void)) isNullable ||= side === "output";
    else if (flags & ts.TypeFlags.Null) isNullable = true;
    else if (type.isStringLiteral() || type.isNumberLiteral()) literals.push(type.value);
    else if (flags & ts.TypeFlags.BooleanLiteral)
      literals.push(context.checker.typeToString(type) === "true");
    else {
      objects.push(type);
      parts.push(schemaOf(type));
    }
  }
  if (parts.some((part) => Object.keys(part).length === 0)) return {};
  const all = [...literalSchemas(literals), ...parts];
  if (isNullable) return withNull(all);
  const tag = literals.length === 0 ? sharedTag(context, objects) : null;
  if (tag !== null && parts.length > 1) return { oneOf: parts, discriminator: { propertyName: tag } };
  return anyOf(all);
}

function literalSchemas(values: readonly unknown[]): JsonSchema[] {
  const isWhole = values.includes(true) && values.includes(false);
  const rest = isWhole ? values.filter((value) => typeof value !== "boolean") : values;
  return [
    ...(isWhole ? [{ type: "boolean" }] : []),
    ...(rest.length === 1 ? [{ const: rest[0] }] : rest.length > 1 ? [{ enum: [...new Set(rest)] }] : []),
  ];
}

function withNull(parts: readonly JsonSchema[]): JsonSchema {
  const [only] = parts;
  if (only === undefined) return { type: "null" };
  if (parts.length === 1) {
    if (Array.isArray(only["enum"])) return { enum: [...(only["enum"] as unknown[]), null] };
    if ("const" in only) return { enum: [only["const"], null] };
    if (Object.keys(only).length === 1 && SIMPLE.has(only["type"] as string))
      return { type: [only["type"], "null"] };
  }
  return anyOf([...parts, { type: "null" }]);
}

function anyOf(parts: readonly JsonSchema[]): JsonSchema {
  if (parts.length === 1) return parts[0] as JsonSchema;
  if (parts.length === 0) return { not: {} };
  const types = parts.map((part) => (Object.keys(part).length === 1 ? part["type"] : undefined));
  if (types.every((type) => SIMPLE.has(type as string))) return { type: [...new Set(types)] };
  return { anyOf: parts };
}

/** A property that every one of these has, with a text of its own in each: `kind: "circle"`. */
function sharedTag({ checker }: WriterContext, types: readonly ts.Type[]): string | null {
  const [first] = types;
  if (first === undefined || types.length < 2) return null;
  for (const property of checker.getPropertiesOfType(first)) {
    const values = types.map((type) => {
      const own = checker.getPropertyOfType(type, property.name);
      const value = own === undefined ? undefined : checker.getTypeOfSymbol(own);
      return value?.isStringLiteral() === true ? value.value : null;
    });
    if (!values.includes(null) && new Set(values).size === values.length) return property.name;
  }
  return null;
}
