import { readFileSync } from "node:fs";
import { join } from "node:path";

/** The parts of a package.json that bundling asks for. */
export interface PackageJson {
  name?: string;
  version?: string;
  main?: string;
  type?: string;
  exports?: unknown;
  os?: string[];
  cpu?: string[];
  gypfile?: boolean;
  binary?: unknown;
  napi?: unknown;
  scripts?: Record<string, string>;
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
}

export interface InstalledPackage {
  /** As it is imported. */
  name: string;
  version: string;
  /** Absolute, links resolved. */
  dir: string;
  json: PackageJson;
}

const NODE_MODULES = "/node_modules/";

/** Is the file part of an installed package, rather than the user's own code? */
export function isInstalled(file: string): boolean {
  return file.includes(NODE_MODULES);
}

/** The package that a file below some node_modules belongs to; null for the user's own files. */
export function packageOfFile(file: string): InstalledPackage | null {
  const at = file.lastIndexOf(NODE_MODULES);
  if (at === -1) return null;
  const name = packageName(file.slice(at + NODE_MODULES.length));
  const dir = file.slice(0, at + NODE_MODULES.length) + name;
  const json = readPackageJson(dir);
  return json === null ? null : { name, version: json.version ?? "0.0.0", dir, json };
}

/** "zod/v4" -> "zod", "@scope/name/x" -> "@scope/name" */
export function packageName(specifier: string): string {
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}

export function readPackageJson(dir: string): PackageJson | null {
  try {
    return JSON.parse(readFileSync(join(dir, "package.json"), "utf8")) as PackageJson;
  } catch {
    return null;
  }
}
