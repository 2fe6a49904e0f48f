import type { Config } from "../protocol/config.ts";
import { PACKAGE_PATHS } from "../protocol/manifest.ts";
import type { PackageFile } from "./package-file.ts";

/** config.yaml as it was written, and what it means. */
export function configFiles(text: string, config: Config): PackageFile[] {
  return [
    {
      layer: "config",
      path: PACKAGE_PATHS.configSource,
      source: Buffer.from(text),
      mode: "644",
      rule: "config.yaml as written",
    },
    {
      layer: "config",
      path: PACKAGE_PATHS.config,
      source: Buffer.from(`${JSON.stringify(config, null, 2)}\n`),
      mode: "644",
      rule: "config.yaml with its defaults",
    },
  ];
}
