import type { JsonSchema } from "../protocol/model-types.ts";
import { mapSubSchemas, subSchemas } from "../protocol/sub-schemas.ts";

const PREFIX = "#/$defs/";

/**
 * Types with names, each written once. What is used once stands where it is used, with its name as title; what is
 * used more often, or holds itself, stays a definition.
 */
export class Definitions {
  readonly #names = new Map<object, string>();
  readonly #schemas = new Map<string, JsonSchema | null>();

  /** A reference to the type; `write` is called where it is met for the first time. */
  reference(type: object, wanted: string, write: () => JsonSchema): JsonSchema {
    const known = this.#names.get(type);
    if (known !== undefined) return { $ref: PREFIX + known };
    const name = this.#freeName(wanted);
    this.#names.set(type, name);
    this.#schemas.set(name, null);
    this.#schemas.set(name, write());
    return { $ref: PREFIX + name };
  }

  /** The schema with what it needs of the definitions. */
  finish(root: JsonSchema): JsonSchema {
    const uses = this.#countUses(root);
    const inlined = (name: string): boolean => uses.get(name) === 1 && !this.#holdsItself(name);
    const replace = (schema: JsonSchema): JsonSchema => {
      const name = refOf(schema);
      const { $ref: _, ...own } = schema;
      const rest = mapSubSchemas(name === null ? schema : own, replace);
      if (name === null || !saysAnything(this.#schemas.get(name))) return rest;
      if (!inlined(name)) return { $ref: PREFIX + name, ...rest };
      return { title: name, ...replace(this.#schemas.get(name) as JsonSchema), ...rest };
    };
    const rootName = refOf(root);
    const isPlainRoot = rootName !== null && Object.keys(root).length === 1;
    const whole = isPlainRoot
      ? { title: rootName, ...replace(this.#schemas.get(rootName) as JsonSchema) }
      : replace(root);
    const kept = [...uses.keys()].filter(
      (name) =>
        !inlined(name) &&
        (name !== rootName || (uses.get(name) ?? 0) > 1) &&
        saysAnything(this.#schemas.get(name)),
    );
    if (kept.length === 0) return whole;
    const $defs = Object.fromEntries(
      kept.sort().map((name) => [name, replace(this.#schemas.get(name) as JsonSchema)]),
    );
    return { ...whole, $defs };
  }

  /** How often each definition is referred to from what the root reaches. */
  #countUses(root: JsonSchema): Map<string, number> {
    const uses = new Map<string, number>();
    const visit = (schema: JsonSchema | null | undefined): void => {
      for (const name of refsIn(schema)) {
        const before = uses.get(name) ?? 0;
        uses.set(name, before + 1);
        if (before === 0) visit(this.#schemas.get(name));
      }
    };
    visit(root);
    return uses;
  }

  #holdsItself(name: string): boolean {
    const seen = new Set<string>();
    const visit = (current: string): boolean =>
      refsIn(this.#schemas.get(current)).some((next) => {
        if (next === name) return true;
        if (seen.has(next)) return false;
        seen.add(next);
        return visit(next);
      });
    return visit(name);
  }

  #freeName(wanted: string): string {
    for (let n = 1; ; n++) {
      const name = n === 1 ? wanted : `${wanted}${n}`;
      if (!this.#schemas.has(name)) return name;
    }
  }
}

function refOf(schema: JsonSchema): string | null {
  const ref = schema["$ref"];
  return typeof ref === "string" && ref.startsWith(PREFIX) ? ref.slice(PREFIX.length) : null;
}

function refsIn(schema: JsonSchema | null | undefined): string[] {
  if (schema === null || schema === undefined) return [];
  const own = refOf(schema);
  const inner = subSchemas(schema).flatMap(refsIn);
  return own === null ? inner : [own, ...inner];
}

function saysAnything(schema: JsonSchema | null | undefined): boolean {
  return schema !== null && schema !== undefined && Object.keys(schema).length > 0;
}
