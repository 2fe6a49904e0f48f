import type ts from "typescript-api";
import type { JsonSchema } from "../protocol/model-types.ts";
import { Definitions } from "./definitions.ts";
import { docKeywords } from "./doc-keywords.ts";
import { BINARY, KNOWN_SCHEMAS } from "./known-types.ts";
import {
  isFromElsewhere,
  isPlatformType,
  namedOf,
  type TypeContext,
  typeArgumentsOf,
  unionMembers,
} from "./type-facts.ts";
import { unionSchema } from "./union-schema.ts";

/** More than any model's own types have; some libraries' types, written out, would never end. */
const MAX_TYPES = 4000;

export interface WriterContext extends TypeContext {
  /** Values are read on the way in, and written as JSON on the way out. */
  side: "input" | "output";
}

class TooLarge extends Error {}

/** From a type of TypeScript to JSON Schema. What JSON Schema cannot say becomes {}, which allows anything. */
export class SchemaWriter {
  readonly #context: WriterContext;
  readonly #definitions = new Definitions();
  /** Object types without a name that are being written; one that meets itself has no end. */
  readonly #open = new Set<ts.Type>();
  #count = 0;

  constructor(context: WriterContext) {
    this.#context = context;
  }

  /** A schema that stands alone, or null where it would allow anything. */
  write(types: readonly ts.Type[], doc: JsonSchema = {}): JsonSchema | null {
    try {
      const schema = types.length === 1 ? this.#schema(types[0] as ts.Type) : this.#union(types);
      const whole = this.#definitions.finish(schema);
      if (!saysSomething(whole)) return null;
      return doc["description"] === undefined ? whole : { description: doc["description"], ...whole };
    } catch (error) {
      if (error instanceof TooLarge || error instanceof RangeError) return null;
      throw error;
    }
  }

  #schema(type: ts.Type): JsonSchema {
    if (++this.#count > MAX_TYPES) throw new TooLarge();
    const named = namedOf(this.#context, type);
    if (named === null) return this.#plain(type);
    return this.#definitions.reference(type, named.name, () => {
      const { description, deprecated } = docKeywords(this.#context.ts, named.symbol, this.#context.checker);
      const doc = { ...(description ? { description } : {}), ...(deprecated ? { deprecated } : {}) };
      return { ...doc, ...this.#plain(type) };
    });
  }

  #plain(type: ts.Type): JsonSchema {
    const { TypeFlags } = this.#context.ts;
    const { flags } = type;
    if (flags & (TypeFlags.Any | TypeFlags.Unknown | TypeFlags.ESSymbolLike | TypeFlags.BigIntLike))
      return {};
    if (flags & TypeFlags.Never) return { not: {} };
    if (flags & (TypeFlags.Null | TypeFlags.Undefined | TypeFlags.Void)) return { type: "null" };
    if (type.isUnion()) return this.#union(unionMembers(this.#context, type));
    if (type.isStringLiteral() || type.isNumberLiteral()) return { const: type.value };
    if (flags & TypeFlags.BooleanLiteral)
      return { const: this.#context.checker.typeToString(type) === "true" };
    if (flags & TypeFlags.StringLike) return { type: "string" };
    if (flags & TypeFlags.NumberLike) return { type: "number" };
    if (flags & TypeFlags.BooleanLike) return { type: "boolean" };
    if (type.isIntersection()) return this.#intersection(type);
    if (flags & TypeFlags.Object) return this.#object(type as ts.ObjectType);
    const bound = this.#context.checker.getBaseConstraintOfType(type);
    return bound === undefined || bound === type ? {} : this.#schema(bound);
  }

  #union(types: readonly ts.Type[]): JsonSchema {
    return unionSchema(this.#context, types, (member) => this.#schema(member));
  }

  /** `string & { __brand }` is a string; other parts are one object with the properties of all. */
  #intersection(type: ts.IntersectionType): JsonSchema {
    const { TypeFlags } = this.#context.ts;
    const simple = TypeFlags.StringLike | TypeFlags.NumberLike | TypeFlags.BooleanLike;
    const scalar = type.types.find(({ flags }) => (flags & simple) !== 0);
    if (scalar !== undefined) return this.#schema(scalar);
    if (type.types.some((part) => this.#context.checker.isArrayLikeType(part))) return {};
    return this.#structure(type);
  }

  #object(type: ts.ObjectType): JsonSchema {
    const { checker, side } = this.#context;
    if (checker.isTupleType(type)) return this.#tuple(type as ts.TupleTypeReference);
    if (checker.isArrayType(type)) {
      const [item] = checker.getTypeArguments(type as ts.TypeReference);
      return { type: "array", items: item === undefined ? {} : this.#schema(item) };
    }
    const name = type.symbol?.name ?? "";
    if (isPlatformType(type)) {
      const known = KNOWN_SCHEMAS[name];
      if (known !== undefined) return { ...known };
      if (BINARY.has(name)) return binarySchema(name, side);
      if (!["Record", "Object", "__type", "__object"].includes(name)) return {};
    }
    const json = checker.getPropertyOfType(type, "toJSON");
    if (json !== undefined) {
      const [call] = checker.getTypeOfSymbol(json).getCallSignatures();
      return call === undefined || side === "input" ? {} : this.#schema(call.getReturnType());
    }
    if (isFromElsewhere(this.#context, type)) return {};
    if (type.getCallSignatures().length > 0 || type.getConstructSignatures().length > 0) return {};
    return this.#structure(type);
  }

  #structure(type: ts.Type): JsonSchema {
    if (this.#open.has(type)) return {};
    this.#open.add(type);
    try {
      return this.#members(type);
    } finally {
      this.#open.delete(type);
    }
  }

  #members(type: ts.Type): JsonSchema {
    const { checker } = this.#context;
    const properties: [string, JsonSchema][] = [];
    const required: string[] = [];
    for (const property of checker.getPropertiesOfType(type)) {
      // Symbols and #private names are in no JSON.
      if (property.name.startsWith("__@") || property.name.startsWith("__#")) continue;
      const found = this.#property(property);
      if (found === null) continue;
      properties.push([property.name, found.schema]);
      if (found.required) required.push(property.name);
    }
    const index = checker.getIndexInfosOfType(type);
    const rest = (
      index.find(({ keyType }) => (keyType.flags & this.#context.ts.TypeFlags.String) !== 0) ?? index[0]
    )?.type;
    if (properties.length === 0 && rest === undefined) {
      // `{}` is anything but null, an interface without members likewise.
      return {};
    }
    return {
      type: "object",
      ...(properties.length > 0 ? { properties: Object.fromEntries(properties) } : {}),
      ...(required.length > 0 ? { required } : {}),
      ...(rest === undefined ? {} : { additionalProperties: this.#schema(rest) }),
    };
  }

  #property(property: ts.Symbol): { schema: JsonSchema; required: boolean } | null {
    const { ts, checker, side } = this.#context;
    const type = checker.getTypeOfSymbol(property);
    if (type.getCallSignatures().length > 0 && !type.isUnion()) return null;
    const members = type.isUnion() ? unionMembers(this.#context, type) : [type];
    const defined = members.filter(
      ({ flags }) => (flags & (ts.TypeFlags.Undefined | ts.TypeFlags.Void)) === 0,
    );
    const isOptional = (property.flags & ts.SymbolFlags.Optional) !== 0 || defined.length < members.length;
    if (defined.length === 0 || (isOptional && defined.every(({ flags }) => flags & ts.TypeFlags.Never)))
      return null;
    const schema =
      defined.length === 1 ? this.#schema(defined[0] as ts.Type) : this.#propertyUnion(type, defined);
    const doc = docKeywords(ts, property, checker);
    // `undefined` is a value of these as well, and leaves no trace in JSON.
    const mayVanish = side === "output" && !saysSomething(schema);
    return { schema: { ...schema, ...doc }, required: !isOptional && !mayVanish };
  }

  /** The whole type where it has a name of its own. */
  #propertyUnion(type: ts.Type, defined: readonly ts.Type[]): JsonSchema {
    return type.aliasSymbol !== undefined && namedOf(this.#context, type) !== null && defined.length > 1
      ? this.#schema(type)
      : this.#union(defined);
  }

  #tuple(type: ts.TupleTypeReference): JsonSchema {
    const { ts } = this.#context;
    const { elementFlags } = type.target;
    const types = typeArgumentsOf(this.#context, type);
    const restAt = elementFlags.findIndex((flag) => (flag & ts.ElementFlags.Variable) !== 0);
    const fixed = restAt === -1 ? types : types.slice(0, restAt);
    const least = elementFlags.filter((flag) => (flag & ts.ElementFlags.Required) !== 0).length;
    const prefixItems = fixed.map((item) => this.#schema(item));
    const isOpen = restAt !== -1;
    // What follows a rest element has no fixed place: nothing is said of it.
    const isLast = restAt === types.length - 1;
    const rest = isOpen && isLast ? this.#schema(types[restAt] as ts.Type) : {};
    return {
      type: "array",
      ...(prefixItems.length > 0 ? { prefixItems } : {}),
      ...(isOpen ? { items: rest } : { items: false, maxItems: fixed.length }),
      minItems: least,
    };
  }
}

function binarySchema(name: string, side: "input" | "output"): JsonSchema {
  const isFile = name === "Blob" || name === "File";
  if (side === "input") return isFile ? { type: "string", format: "binary" } : {};
  return isFile
    ? {}
    : { type: "array", items: { type: "integer", minimum: 0, maximum: 255 }, "x-typed-array": true };
}

/** Is there anything in it but words for people? */
export function saysSomething(schema: JsonSchema): boolean {
  return Object.keys(schema).some((key) => !["title", "description", "$defs", "deprecated"].includes(key));
}
