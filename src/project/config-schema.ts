import * as z from "zod";
import type { Config } from "../protocol/config.ts";
import { MODEL_NAME, MODEL_NAME_RULE } from "./model-name.ts";
import { autoscaling } from "./schema/autoscaling.ts";
import { build } from "./schema/build.ts";
import { examples } from "./schema/examples.ts";
import { field, fullObject, leaf, map, partObject } from "./schema/fields.ts";
import { modelKeys, modelName } from "./schema/model.ts";
import { environmentVariables, secrets } from "./schema/names.ts";
import { resources } from "./schema/resources.ts";
import { runtime } from "./schema/runtime.ts";
import { weights } from "./schema/weights.ts";

const overridable = {
  ...modelKeys,
  secrets,
  environment_variables: environmentVariables,
  examples,
  resources,
  runtime,
  build,
  weights,
  autoscaling,
};

const environments = map({
  key: leaf(z.string().regex(MODEL_NAME), MODEL_NAME_RULE),
  value: z
    .lazy(() => partObject(overridable))
    .nullable()
    .transform((overrides) => overrides ?? {}),
  expects: "a map of environments to overrides",
});

/**
 * config.yaml: the one description of every key. Validation, defaults, the resolved Config and the JSON Schema
 * for editors all come from it.
 */
export const configSchema = fullObject({
  model_name: modelName,
  ...overridable,
  environments: field(environments, {}, "Keys that differ in an environment, by its name."),
});

export type ParsedConfig = z.output<typeof configSchema>;

/** Fails to compile where the schema and protocol/config.ts part ways. */
export function withModelName(parsed: ParsedConfig, modelNameByDefault: string): Config {
  const { model_name: name = modelNameByDefault, ...rest } = parsed;
  return { model_name: name, ...rest };
}
