import type { Config } from "../protocol/config.ts";
import { secretEnvName } from "../protocol/runtime-env.ts";
import type { Conflict } from "./config-conflicts.ts";
import { exampleWarnings } from "./example-conflicts.ts";

/** Keys that make the package; it is the same in every environment. */
const MAKE_THE_PACKAGE = [
  "model_module_dir",
  "model_class_filename",
  "model_class_name",
  "data_dir",
  "build",
];

const LIKE_A_SECRET = /(TOKEN|SECRET|PASSWORD|PASSWD|API_?KEY|PRIVATE_?KEY)$/i;

/** What is valid and probably not meant. */
export function findConfigWarnings(config: Config): Conflict[] {
  return [
    ...Object.entries(config.environments).flatMap(([name, overrides]) =>
      MAKE_THE_PACKAGE.filter((key) => key in overrides).map((key) => ({
        path: ["environments", name, key],
        reason: "has no effect: one package is deployed to all environments",
      })),
    ),
    ...Object.entries(config.environment_variables)
      .filter(([name, value]) => LIKE_A_SECRET.test(name) && value !== "")
      .map(([name]) => ({
        path: ["environment_variables", name],
        reason: "looks like a secret and would be packed for all to read",
        hint: `Declare it under secrets as "${name.toLowerCase()}: null" and set the value outside.`,
      })),
    ...sharedSecretVariables(config),
    ...exampleWarnings(config.examples),
  ];
}

/** Two names that one environment variable would have to hold. */
function sharedSecretVariables({ secrets }: Config): Conflict[] {
  const first = new Map<string, string>();
  return Object.keys(secrets).flatMap((name) => {
    const variable = secretEnvName(name);
    const earlier = first.get(variable);
    if (earlier === undefined) {
      first.set(variable, name);
      return [];
    }
    return [{ path: ["secrets", name], reason: `shares the variable ${variable} with ${earlier}` }];
  });
}
