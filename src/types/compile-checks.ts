import type { JsonSchema, ModelTypes } from "../protocol/model-types.ts";
import { mapSubSchemas } from "../protocol/sub-schemas.ts";

/** Two modules; each exports a function `<method>_input` or `<method>_output` for every schema. */
export interface TypeChecks {
  /** Stops at the first violation. */
  check: string;
  /** Goes on, and so finds all of them. */
  explain: string;
}

const LEAP_YEAR = String.raw`(?:\d\d(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)`;
const DAY = String.raw`(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\d|30)|02-(?:0[1-9]|1\d|2[0-8]))`;
const DATE = String.raw`(?:\d{4}-${DAY}|${LEAP_YEAR}-02-29)`;
const TIME = String.raw`(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d+)?)?`;
const ZONE = String.raw`(?:Z|[+-](?:[01]\d|2[0-3]):?[0-5]\d)`;

/** Formats that are checked; any other one is for people. */
const FORMATS: Record<string, RegExp> = {
  "date-time": new RegExp(`^${DATE}T${TIME}${ZONE}$`, "i"),
  date: new RegExp(`^${DATE}$`),
  time: new RegExp(`^${TIME}${ZONE}?$`, "i"),
  email: /^[^\s@]+@[^\s@]+$/,
  uri: /^[a-z][a-z0-9+.-]*:\S*$/i,
  uuid: /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i,
  ipv4: /^((25[0-5]|2[0-4]\d|1?\d?\d)(\.|$)){4}$/,
};
const FOR_PEOPLE = ["title", "description", "default", "examples", "deprecated"];
/** The one helper that Ajv's code asks for: characters, not UTF-16 units. */
const LENGTH_HELPER = /require\("ajv\/dist\/runtime\/ucs2length"\)\.default/g;
const LENGTH = String.raw`((text) => {
  if (!/[\ud800-\udbff]/.test(text)) return text.length;
  let count = 0;
  for (const _ of text) count++;
  return count;
})`;

/** Made at build time, so that a model carries plain functions and no library. null where there is nothing to check. */
export async function compileChecks(types: ModelTypes): Promise<TypeChecks | null> {
  const schemas: [name: string, schema: JsonSchema][] = [];
  for (const [method, { input, output }] of Object.entries(types.methods)) {
    if (input !== null) schemas.push([`${method}_input`, input]);
    if (output !== null) schemas.push([`${method}_output`, output]);
  }
  if (schemas.length === 0) return null;
  const [check, explain] = [await moduleOf(schemas, false), await moduleOf(schemas, true)];
  return { check, explain };
}

async function moduleOf(schemas: readonly [string, JsonSchema][], allErrors: boolean): Promise<string> {
  const [{ default: ajvModule }, { default: standalone }] = await Promise.all([
    import("ajv/dist/2020.js"),
    import("ajv/dist/standalone/index.js"),
  ]);
  const ajv = new ajvModule.Ajv2020({
    allErrors,
    strict: false,
    discriminator: true,
    formats: FORMATS,
    // Beyond these Ajv would ask for a helper that compares objects.
    loopEnum: Number.MAX_SAFE_INTEGER,
    code: { source: true, esm: true, lines: true },
  });
  const ids: Record<string, string> = {};
  for (const [name, schema] of schemas) {
    const $id = `purlin:${name}`;
    ajv.addSchema({ ...checked(schema), $id });
    ids[name] = $id;
  }
  const code = standalone.default(ajv, ids).replaceAll(LENGTH_HELPER, () => LENGTH);
  if (/\brequire\(/.test(code)) throw new Error("the code that checks types asks for a package");
  return code;
}

/** Without what is for people, and without what the type says of values that JSON does not carry. */
function checked(schema: JsonSchema): JsonSchema {
  if (schema["x-typed-array"] === true || schema["format"] === "binary") return {};
  const entries = Object.entries(schema).filter(
    ([key, value]) => !FOR_PEOPLE.includes(key) && !(key === "format" && !((value as string) in FORMATS)),
  );
  return mapSubSchemas(Object.fromEntries(entries), checked);
}
