import type { JsonSchema } from "./model-types.ts";
import { mapSubSchemas, subSchemas } from "./sub-schemas.ts";

const DEFS = "#/$defs/";

/**
 * Schemas that each stand alone, made into one set of components that refer to each other: a named type that several
 * of them hold is one component.
 */
export class NamedSchemas {
  /** By name. */
  readonly all: Record<string, JsonSchema> = {};
  readonly #prefix: string;
  readonly #names = new Map<string, string>();

  /** `prefix` is what a reference begins with: "#/components/schemas/". */
  constructor(prefix: string, taken: Record<string, JsonSchema> = {}) {
    this.#prefix = prefix;
    Object.assign(this.all, taken);
  }

  /** A reference to the schema, or itself where it is no more than a word or two. */
  add(schema: JsonSchema, name: string): JsonSchema {
    const { $defs, ...root } = withoutRootRefs(schema, name);
    const isSmall =
      root["title"] === undefined && root["properties"] === undefined && root["oneOf"] === undefined;
    if (isSmall) return this.#converted(root, $defs);
    return this.#component({ title: name, ...root }, $defs);
  }

  /** The component of a schema with a title. */
  #component(schema: JsonSchema, defs: Record<string, JsonSchema>): JsonSchema {
    const { title, ...content } = schema;
    const key = `${String(title)} ${contentKey(content, defs)}`;
    const known = this.#names.get(key);
    if (known !== undefined) return { $ref: this.#prefix + known };
    const name = this.#freeName(String(title).replaceAll(/[^\w.-]+/g, "_"));
    this.#names.set(key, name);
    // Its place comes before those of the types inside it; it may hold itself.
    this.all[name] = {};
    this.all[name] = this.#withMapping(this.#converted(content, defs));
    return { $ref: this.#prefix + name };
  }

  #converted(schema: JsonSchema, defs: Record<string, JsonSchema>): JsonSchema {
    const ref = schema["$ref"];
    if (typeof ref === "string" && ref.startsWith(DEFS)) {
      const { $ref: _, ...rest } = schema;
      const target = ref.slice(DEFS.length);
      return { ...this.#component({ title: target, ...defs[target] }, defs), ...rest };
    }
    const inner = mapSubSchemas(schema, (one) =>
      one["title"] === undefined ? this.#converted(one, defs) : this.#component(one, defs),
    );
    return this.#withMapping(inner);
  }

  /** A discriminator names components by the values of the tag; where a branch is none, it may not be there. */
  #withMapping(schema: JsonSchema): JsonSchema {
    const { discriminator, ...rest } = schema;
    if (discriminator === undefined || !Array.isArray(schema["oneOf"])) return schema;
    const { propertyName } = discriminator as { propertyName: string };
    const mapping: Record<string, string> = {};
    for (const branch of schema["oneOf"] as JsonSchema[]) {
      const ref = branch["$ref"];
      const component = typeof ref === "string" ? this.all[ref.slice(this.#prefix.length)] : undefined;
      const tag = (component?.["properties"] as Record<string, JsonSchema> | undefined)?.[propertyName]?.[
        "const"
      ];
      if (typeof tag !== "string") return rest;
      mapping[tag] = ref as string;
    }
    return { ...rest, discriminator: { propertyName, mapping } };
  }

  #freeName(wanted: string): string {
    for (let n = 1; ; n++) {
      const name = n === 1 ? wanted : `${wanted}${n}`;
      if (!Object.hasOwn(this.all, name)) return name;
    }
  }
}

interface Standalone extends JsonSchema {
  $defs: Record<string, JsonSchema>;
}

/** `#` is the schema itself, which is about to be a component of something else. */
function withoutRootRefs(schema: JsonSchema, name: string): Standalone {
  const { $defs = {}, $schema: _, ...root } = schema as Partial<Standalone>;
  const title = String(root["title"] ?? name);
  let found = false;
  const replace = (one: JsonSchema): JsonSchema => {
    const inner = mapSubSchemas(one, replace);
    if (inner["$ref"] !== "#") return inner;
    found = true;
    return { ...inner, $ref: DEFS + title };
  };
  const replaced = replace({ ...root, $defs }) as Standalone;
  if (!found) return replaced;
  const { $defs: defs, ...itself } = replaced;
  return { ...itself, title, $defs: { ...defs, [title]: itself } };
}

/** Equal for schemas that mean the same, whatever else lies beside them in their documents. */
function contentKey(schema: JsonSchema, defs: Record<string, JsonSchema>): string {
  const reached = new Map<string, JsonSchema>();
  const visit = (one: JsonSchema): void => {
    const ref = one["$ref"];
    const name = typeof ref === "string" && ref.startsWith(DEFS) ? ref.slice(DEFS.length) : null;
    if (name !== null && !reached.has(name)) {
      reached.set(name, defs[name] ?? {});
      visit(defs[name] ?? {});
    }
    for (const inner of subSchemas(one)) visit(inner);
  };
  visit(schema);
  return JSON.stringify([schema, [...reached].sort(([a], [b]) => (a < b ? -1 : 1))]);
}
