import { readFileSync } from "node:fs";
import { join } from "node:path";
import { AppError } from "../../errors.ts";
import {
  describeForeign,
  FOREIGN_ADDON_HINT,
  foreignAddons,
  type NodeAbi,
  readAddons,
} from "../../protocol/addons.ts";
import { PACKAGE_PATHS } from "../../protocol/manifest.ts";

/**
 * Before anything is sent: the host's Node must be able to load the addons of the package. A host of an earlier
 * version does not tell its Node. Throws AppError WRONG_NODE.
 */
export function refuseForeignAddons(packageDir: string, host: NodeAbi | undefined): void {
  if (typeof host?.abi !== "number" || typeof host.version !== "string") return;
  const foreign = foreignAddons(readAddons(addonsText(packageDir)), host);
  if (foreign.length === 0) return;
  throw new AppError("WRONG_NODE", `${describeForeign(foreign, "that host runs", host)}.`, {
    hint: FOREIGN_ADDON_HINT,
    data: { addons: foreign, host },
  });
}

/** The file is there only where the package has such addons. */
function addonsText(packageDir: string): string {
  try {
    return readFileSync(join(packageDir, PACKAGE_PATHS.addons), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "[]";
    throw error;
  }
}
