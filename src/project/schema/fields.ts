import * as z from "zod";

/**
 * A key of config.yaml in its two forms: `full` has the default filled in, `part` is for
 * `environments.<name>`, where only what is written counts.
 */
export interface Field<Full extends z.ZodType = z.ZodType, Part extends z.ZodType = z.ZodType> {
  readonly full: Full;
  /** Made when it is asked for: most files have no environments. */
  readonly part: Part;
}

export type Fields = Record<string, Field>;
type FullShape<F extends Fields> = { [Key in keyof F]: F[Key]["full"] };
type PartShape<F extends Fields> = { [Key in keyof F]: F[Key]["part"] };

interface LeafMeta {
  expects?: string;
  candidates?: readonly string[];
}

/**
 * What a value must be, in words that finish the sentence "must be ...", and the texts among which the one meant
 * is looked for where the type itself does not list them.
 */
export function leaf<T extends z.ZodType>(type: T, expects: string, candidates?: readonly string[]): T {
  return annotated(type, { expects, ...(candidates ? { candidates } : {}) });
}

/** What `leaf` was given. */
export function leafMeta(type: z.core.$ZodType): LeafMeta {
  return (z.globalRegistry.get(type) as LeafMeta | undefined) ?? {};
}

/** A key with a default, written as its author would write it. */
export function field<T extends z.ZodType>(type: T, byDefault: z.input<T>, description: string) {
  return {
    full: described(type.prefault(byDefault as z.core.util.NoUndefined<z.input<T>>), description),
    get part() {
      return described(type.optional(), description);
    },
  };
}

/** A key that every entry of a list must have. */
export function required<T extends z.ZodType>(type: T, description: string) {
  // A copy: the type may serve several keys.
  return { full: type.meta({ description }) as T, part: type };
}

/** A key that is absent where nobody wrote it. */
export function optional<T extends z.ZodType>(type: T, description: string) {
  const absent = described(type.optional(), description);
  return { full: absent, part: absent };
}

/** A map of known keys that is always there; `key:` with nothing below it is the same as no line at all. */
export function section<F extends Fields>(fields: F, description: string) {
  const full = fullObject(fields);
  return {
    full: described(
      full
        .nullable()
        .transform((value) => value ?? full.parse({}))
        .prefault({} as never),
      description,
    ),
    get part() {
      const part = partObject(fields);
      const empty = {} as z.output<typeof part>;
      return described(
        part
          .nullable()
          .transform((value) => value ?? empty)
          .optional(),
        description,
      );
    },
  };
}

/** A map of known keys that switches something on by being there; null and absence switch it off. */
export function switchedSection<F extends Fields>(fields: F, description: string) {
  return {
    full: described(fullObject(fields).nullable().prefault(null), description),
    get part() {
      return described(partObject(fields).nullable().optional(), description);
    },
  };
}

export function fullObject<F extends Fields>(fields: F) {
  return leaf(z.strictObject(shape<FullShape<F>>(fields, "full")), "a map of keys");
}

export function partObject<F extends Fields>(fields: F) {
  return leaf(z.strictObject(shape<PartShape<F>>(fields, "part")), "a map of keys");
}

/** `key:` with nothing below it is the empty list. */
export function list<T extends z.ZodType>(item: T, expects: string) {
  return leaf(z.array(item), expects)
    .nullable()
    .transform((value) => value ?? []);
}

export interface MapRules<V extends z.ZodType> {
  key: z.ZodType<string, string>;
  value: V;
  expects: string;
}

/** Names that the user chooses; `key:` with nothing below it is the empty map. */
export function map<V extends z.ZodType>({ key, value, expects }: MapRules<V>) {
  return leaf(z.record(key, value), expects)
    .nullable()
    .transform((given) => given ?? {});
}

function described<T extends z.ZodType>(type: T, description: string): T {
  return annotated(type, { description });
}

/** In place: zod's own `meta` makes every type a second time, which the start of each command would pay for. */
function annotated<T extends z.ZodType>(type: T, meta: Record<string, unknown>): T {
  z.globalRegistry.add(type, { ...z.globalRegistry.get(type), ...meta });
  return type;
}

function shape<S>(fields: Fields, form: "full" | "part"): S {
  return Object.fromEntries(Object.entries(fields).map(([key, one]) => [key, one[form]])) as S;
}
