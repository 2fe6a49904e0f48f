import { realpath } from "node:fs/promises";
import { valueAt } from "./key-path.ts";
import { findDataDir } from "./find-data-dir.ts";
import { findModelFile } from "./find-model-file.ts";
import { loadConfig } from "./load-config.ts";
import type { Project } from "./project.ts";
import { placeConfigSchema } from "./write-config-schema.ts";

/**
 * Reads a project folder (absolute path) and checks all that its config.yaml says before any other work.
 * Throws AppError CONFIG_NOT_FOUND, CONFIG_INVALID, SECRET_IN_CONFIG, MODEL_NOT_FOUND or LINK_OUTSIDE.
 */
export async function loadProject(dir: string): Promise<Project> {
  // A folder that is not there is named by loadConfig.
  const realDir = await realpath(dir).catch(() => dir);
  await placeConfigSchema(realDir);
  const { config, text, warnings, document } = await loadConfig(realDir);
  const named = valueAt(document.data, ["data_dir"]) !== undefined;
  const location = named ? document.source.location(document.valueSpan(["data_dir"])) : null;
  const [modelFile, dataDir] = await Promise.all([
    findModelFile(realDir, config),
    findDataDir(realDir, config, { location }),
  ]);
  return { dir: realDir, config, configText: text, modelFile, dataDir, warnings };
}
