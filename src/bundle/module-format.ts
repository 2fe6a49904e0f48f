import { dirname } from "node:path";
import type { InstalledPackage } from "./installed-package.ts";
import { readPackageJson } from "./installed-package.ts";

/** Would Node load this file of a package by `require`'s rules? */
export function isCommonJs(file: string, pkg: InstalledPackage): boolean {
  if (/\.(cjs|node)$/.test(file)) return true;
  if (!file.endsWith(".js")) return false;
  for (let dir = dirname(file); dir.length > pkg.dir.length; dir = dirname(dir)) {
    const json = readPackageJson(dir);
    if (json !== null) return json.type !== "module";
  }
  return pkg.json.type !== "module";
}
