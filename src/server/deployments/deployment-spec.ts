import { parseCpu } from "../../project/quantity.ts";
import { parseBytes } from "../../protocol/bytes.ts";
import type { Config } from "../../protocol/config.ts";
import { DEVELOPMENT } from "../../protocol/development.ts";
import type { DeploymentSpec, PackageReference } from "../replicas/engine.ts";
import type { DeploymentRow } from "./deployment-row.ts";

/** What an engine is told to run for a deployment. */
export function deploymentSpec(deployment: {
  row: DeploymentRow;
  config: Config;
  package: PackageReference;
  secrets: Record<string, string>;
}): DeploymentSpec {
  const { row, config, secrets } = deployment;
  const { memory, cpu, accelerator } = config.resources;
  return {
    deployment: row.id,
    model: row.model,
    environment: row.environment,
    package: deployment.package,
    config,
    environmentInfo: { name: row.environment },
    secrets,
    resources: { memoryBytes: parseBytes(memory) ?? 2 * 1024 ** 3, cpus: parseCpu(cpu) ?? 1, accelerator },
    development: row.environment === DEVELOPMENT,
  };
}
