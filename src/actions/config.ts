import type { Problem } from "../errors.ts";
import { configForEnvironment } from "../project/config-for-environment.ts";
import { configJsonSchema, type JsonSchema } from "../project/config-json-schema.ts";
import { CONFIG_FILE, loadConfig } from "../project/load-config.ts";
import { loadProject } from "../project/load-project.ts";
import type { Config } from "../protocol/config.ts";

/** The JSON Schema of config.yaml. */
export function configSchema(): JsonSchema {
  return configJsonSchema();
}

export interface ConfigShowOptions {
  /** Absolute. */
  dir: string;
  /** With that environment's overrides; a name without any shows the config as it is. */
  environment?: string;
}

/** config.yaml with every default filled in. Throws AppError as `loadConfig` does. */
export async function configShow({ dir, environment }: ConfigShowOptions): Promise<Config> {
  const { config } = await loadConfig(dir);
  return environment === undefined ? config : configForEnvironment(config, environment);
}

export interface ConfigCheckResult {
  ok: true;
  file: string;
  model_name: string;
  environments: string[];
  warnings: Problem[];
}

/** Checks config.yaml and that what it names is there. Throws AppError as `loadProject` does. */
export async function configCheck({ dir }: { dir: string }): Promise<ConfigCheckResult> {
  const { config, warnings } = await loadProject(dir);
  const environments = Object.keys(config.environments);
  return { ok: true, file: CONFIG_FILE, model_name: config.model_name, environments, warnings };
}
