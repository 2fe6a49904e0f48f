import { readFileSync, writeFileSync } from "node:fs";
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
  const file = configFileOf(store, row);
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Config;
  } catch {
    // The first time, or a host was killed while it wrote.
  }
  const config = configForEnvironment(
    packedConfig(store, store.packages.manifest(row.package)),
    row.environment,
  );
  writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
  return config;
}

/** From the file itself: the package need not be in place. */
function packedConfig(store: Store, manifest: PackageManifest): Config {
  const entry = manifest.files.find(([, path]) => path === PACKAGE_PATHS.config);
  if (entry === undefined) throw new HostError("BAD_MANIFEST", `The package has no ${PACKAGE_PATHS.config}.`);
  return JSON.parse(readFileSync(store.blobs.pathOf(entry[2]), "utf8")) as Config;
}
