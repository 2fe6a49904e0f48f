import * as z from "zod";
import { configSchema } from "./config-schema.ts";

export type JsonSchema = Record<string, unknown>;

/**
 * The JSON Schema of config.yaml for editors: draft 7, which yaml-language-server reads best. What lies between
 * keys (config-conflicts.ts) is beyond it.
 */
export function configJsonSchema(): JsonSchema {
  const schema = z.toJSONSchema(configSchema, {
    target: "draft-7",
    io: "input",
    // References into definitions cost some editors their completion.
    reused: "inline",
    override: ({ jsonSchema }) => {
      delete jsonSchema["expects"];
      delete jsonSchema["candidates"];
      mergeNull(jsonSchema);
      wholeNumbers(jsonSchema);
    },
  }) as JsonSchema;
  return {
    ...schema,
    title: "Purlin config.yaml",
    description: "A model for Purlin: where it is and how it runs.",
  };
}

/** `anyOf: [X, null]` as X with one more type: editors complete and explain that better. */
function mergeNull(schema: JsonSchema): void {
  const [first, second, ...others] = (schema["anyOf"] as JsonSchema[] | undefined) ?? [];
  if (!first || second?.["type"] !== "null" || others.length > 0) return;
  const { type } = first;
  if (typeof type !== "string") return;
  delete schema["anyOf"];
  Object.assign(schema, first, schema, { type: [type, "null"] });
  if (Array.isArray(schema["enum"])) schema["enum"] = [...(schema["enum"] as unknown[]), null];
}

/** The bounds of a number that JSON holds exactly say nothing to an author. */
function wholeNumbers(schema: JsonSchema): void {
  if (schema["maximum"] === Number.MAX_SAFE_INTEGER) delete schema["maximum"];
  if (schema["minimum"] === Number.MIN_SAFE_INTEGER) delete schema["minimum"];
}
