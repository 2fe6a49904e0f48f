import type { Config } from "../protocol/config.ts";
import { deepFreeze } from "../util/deep-freeze.ts";
import { configSchema, withModelName } from "./config-schema.ts";

/**
 * The config as it holds in an environment: maps are merged key by key, lists and `transport` are replaced.
 * An environment that config.yaml does not name has the config as it is.
 */
export function configForEnvironment(config: Config, name: string): Config {
  const overrides = Object.hasOwn(config.environments, name) ? config.environments[name] : undefined;
  if (!overrides) return config;
  const merged = configSchema.parse(mergeOverrides(config, overrides));
  return deepFreeze(withModelName(merged, config.model_name));
}

/** Plain data, not yet checked. */
export function mergeOverrides(base: unknown, overrides: unknown, key = ""): unknown {
  // The keys of one transport mean nothing to another.
  if (!isMap(base) || !isMap(overrides) || key === "transport") return overrides;
  const merged: Record<string, unknown> = { ...base };
  for (const [name, value] of Object.entries(overrides))
    merged[name] = mergeOverrides(base[name], value, name);
  return merged;
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
