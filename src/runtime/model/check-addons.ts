import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describeForeign, foreignAddons, readAddons } from "../../protocol/addons.ts";
import { PACKAGE_PATHS } from "../../protocol/manifest.ts";
import { DefinitionError } from "./model-class.ts";

/** Before any of the package's code runs: throws where this Node cannot load an addon of the package. */
export function checkAddons(packageDir: string): void {
  let text: string;
  try {
    text = readFileSync(join(packageDir, PACKAGE_PATHS.addons), "utf8");
  } catch {
    // Almost no package has any.
    return;
  }
  const node = { version: process.versions.node, abi: Number(process.versions.modules) };
  const foreign = foreignAddons(readAddons(text), node);
  if (foreign.length > 0) throw new DefinitionError(describeForeign(foreign, "this is", node));
}
