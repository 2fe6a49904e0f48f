import type { Config } from "../protocol/config.ts";
import type { Problem } from "../errors.ts";

/** A project folder whose config.yaml has been read and found valid. */
export interface Project {
  /** Absolute, symlinks resolved. */
  dir: string;
  /** Frozen. */
  config: Config;
  /** config.yaml as it was read. */
  configText: string;
  /** Absolute path of model/model.ts (or what config names). */
  modelFile: string;
  /** Absolute path of the data folder, or null when there is none. */
  dataDir: string | null;
  warnings: Problem[];
}
