import { parseCpu } from "../../project/quantity.ts";
import { parseBytes } from "../../protocol/bytes.ts";
import type { Config } from "../../protocol/config.ts";
import { DEVELOPMENT } from "../../protocol/development.ts";
import type { ReplicaSpec } from "../engine.ts";
import type { Store } from "../store/store.ts";
import type { DeploymentRow } from "./deployment-row.ts";
import { configFileOf } from "./effective-config.ts";
import type { PlacedPackage } from "./placed-package.ts";

/** What a replica of a deployment is started with, as the deployment is at that moment. */
export function specOf(deployment: {
  row: DeploymentRow;
  config: Config;
  store: Store;
  placed: PlacedPackage;
  secrets: Record<string, string>;
}): Omit<ReplicaSpec, "id"> {
  const { row, config, store, placed, secrets } = deployment;
  return {
    model: row.model,
    environment: row.environment,
    deployment: row.id,
    packageDir: placed.dir,
    treesDir: store.packages.treesDir,
    variantsDir: placed.variantsDir,
    configFile: configFileOf(store, row),
    environmentInfo: { name: row.environment },
    secrets,
    memoryBytes: parseBytes(config.resources.memory) ?? 2 * 1024 ** 3,
    cpus: parseCpu(config.resources.cpu) ?? 1,
    development: row.environment === DEVELOPMENT,
  };
}
