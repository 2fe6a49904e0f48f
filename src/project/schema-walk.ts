import type * as z from "zod";
import type { KeyPath } from "./key-path.ts";
import { leafMeta } from "./schema/fields.ts";

type Type = z.core.$ZodType;

/** The type of what lies at a path of config.yaml; undefined where no such key exists. */
export function typeAt(schema: Type, path: KeyPath): Type | undefined {
  let type: Type | undefined = schema;
  for (const step of path) type = type && childType(type, step);
  return type;
}

/** The type of an entry of a map or list. */
export function childType(type: Type, step: string | number): Type | undefined {
  const { def } = core(type)._zod as z.core.$ZodTypes["_zod"];
  if (def.type === "object") return Object.hasOwn(def.shape, step) ? def.shape[step] : undefined;
  if (def.type === "array") return def.element;
  return def.type === "record" ? def.valueType : undefined;
}

/** The names that a map knows; none where the user chooses them. */
export function keysOf(type: Type | undefined): string[] {
  if (!type) return [];
  const { def } = core(type)._zod as z.core.$ZodTypes["_zod"];
  return def.type === "object" ? Object.keys(def.shape) : [];
}

/** The type of the names of a map whose names the user chooses. */
export function keyType(type: Type | undefined): Type | undefined {
  const def = type && (core(type)._zod as z.core.$ZodTypes["_zod"]).def;
  return def?.type === "record" ? def.keyType : undefined;
}

/** The texts that a type allows, where it lists them. */
export function enumValues(type: Type): readonly string[] {
  for (let layer: Type | undefined = type; layer; layer = inner(layer)) {
    const { candidates } = leafMeta(layer);
    if (candidates) return candidates;
  }
  const { def } = core(type)._zod as z.core.$ZodTypes["_zod"];
  if (def.type === "enum") return Object.values(def.entries).map(String);
  if (def.type === "literal") return def.values.map(String);
  return def.type === "union" ? def.options.flatMap(enumValues) : [];
}

/** What a value must be, said by the outermost layer that says it. */
export function expectationOf(type: Type | undefined): string | undefined {
  for (let layer = type; layer; layer = inner(layer)) {
    const { expects } = leafMeta(layer);
    if (expects !== undefined) return expects;
  }
  return undefined;
}

function core(type: Type): Type {
  let layer = type;
  for (let next = inner(layer); next; next = inner(layer)) layer = next;
  return layer;
}

/** Below a default, an optional, a nullable, a conversion or what is made late. */
function inner(type: Type): Type | undefined {
  const { def } = type._zod as z.core.$ZodTypes["_zod"];
  switch (def.type) {
    case "optional":
    case "nullable":
    case "default":
    case "prefault":
      return def.innerType;
    case "lazy":
      return (type as z.core.$ZodLazy)._zod.innerType;
    case "pipe":
      return def.in;
    default:
      return undefined;
  }
}
