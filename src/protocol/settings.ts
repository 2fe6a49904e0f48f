import type { Config } from "./config.ts";

/** Keys of a config that are given to what runs without loading it anew: the host reads the first, a swap the second. */
export const SETTINGS: readonly (keyof Config)[] = ["autoscaling", "examples"];

/** What a model is loaded with: two configs that are equal here need no other process. */
export function withoutSettings(config: Config): object {
  return Object.fromEntries(
    Object.entries(config).filter(([key]) => !SETTINGS.includes(key as keyof Config)),
  );
}
