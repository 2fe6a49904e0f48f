import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { configForEnvironment } from "../../project/config-for-environment.ts";
import type { Config } from "../../protocol/config.ts";
import { PACKAGE_PATHS, type PackageManifest } from "../../protocol/manifest.ts";
import { HostError } from "../host-error.ts";
import type { Store } from "../store/store.ts";
import type { DeploymentRow } from "./deployment-row.ts";

/** configs/<deployment>.json: the config of a package as it holds in the environment of a deployment. */
export function configFileOf(store: Store, { id }: DeploymentRow): string {
  return join(store.dir, "configs", `${id}.json`);
}

/** Made from the package's own file where it is not there yet. Throws HostError BAD_MANIFEST. */
export function effectiveConfig(store: Store, row: DeploymentRow): Config {
  try {
    return JSON.parse(readFileSync(configFileOf(store, row), "utf8")) as Config;
  } catch {
    // The first time, or a host was killed while it wrote.
  }
  const config = configFor(store, store.packages.manifest(row.package), row.environment);
  keepConfig(store, row, config);
  return config;
}

/** For replicas that start from now on; those that run keep the file that they were started with. */
export function keepConfig(store: Store, row: DeploymentRow, config: Config): void {
  const file = configFileOf(store, row);
  rmSync(file, { force: true });
  writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
}

/** Of a package as it holds in an environment. Read from the file itself: the package need not be in place. */
export function configFor(store: Store, manifest: PackageManifest, environment: string): Config {
  const entry = manifest.files.find(([, path]) => path === PACKAGE_PATHS.config);
  if (entry === undefined) throw new HostError("BAD_MANIFEST", `The package has no ${PACKAGE_PATHS.config}.`);
  const packed = JSON.parse(readFileSync(store.blobs.pathOf(entry[2]), "utf8")) as Config;
  return configForEnvironment(packed, environment);
}
