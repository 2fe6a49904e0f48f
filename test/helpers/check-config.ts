import { type AppError, isAppError, type Problem } from "../../src/errors.ts";
import type { Config } from "../../src/protocol/config.ts";
import { validateConfig } from "../../src/project/validate-config.ts";

export interface CheckedConfig {
  config: Config | null;
  error: AppError | null;
  problems: Problem[];
  warnings: Problem[];
}

/** A text as config.yaml of a folder named "My Folder"; whatever is no AppError is thrown on. */
export function checkConfig(text: string): CheckedConfig {
  try {
    const { config, warnings } = validateConfig(text, { file: "config.yaml", folderName: "My Folder" });
    return { config, error: null, problems: [], warnings };
  } catch (error) {
    if (!isAppError(error)) throw error;
    return { config: null, error, problems: error.problems, warnings: [] };
  }
}

/** The resolved config of a text that must be valid. */
export function validConfig(text: string): Config {
  const { config, problems } = checkConfig(text);
  if (!config) throw new Error(`not valid:\n${text}\n${JSON.stringify(problems, null, 2)}`);
  return config;
}
