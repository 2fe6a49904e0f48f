import { readdirSync, readFileSync, realpathSync, type Stats, statSync } from "node:fs";
import { join } from "node:path";
import type { Problem } from "../errors.ts";
import type { Target } from "../protocol/target.ts";
import { globToRegExp } from "../util/glob.ts";
import { checkPlatform, type FoundBinaries } from "./check-platform.ts";
import { dependencyGraph, type PlacedPackage, type RootPackage } from "./dependency-graph.ts";
import { junkRule } from "./junk-files.ts";
import { maybeNative, readNativeBinary, runsOn } from "./native-binary.ts";
import { type PackageFile, packedMode } from "./package-file.ts";

export interface ClosureOptions {
  packages: readonly RootPackage[];
  target: Target;
  /** config.yaml's build.include and build.exclude: globs below node_modules. */
  include: readonly string[];
  exclude: readonly string[];
}

export interface ClosureFiles {
  files: PackageFile[];
  warnings: Problem[];
  /** Folders in the package of what somebody can do without. */
  optional: string[];
  /** Absolute: every folder that was listed, and the package.json files that say what belongs to it. */
  inputs: string[];
}

/**
 * The packages that stay outside the bundle with all that they need, without what only other machines can
 * load and what nothing reads. Throws AppError WRONG_PLATFORM where nothing is left that the target can load.
 */
export function closureFiles(options: ClosureOptions): ClosureFiles {
  const { packages, missing } = dependencyGraph(options.packages, options.target);
  const result: ClosureFiles = {
    files: [],
    inputs: [],
    optional: packages.filter(({ required }) => !required).map(({ location }) => `deps/${location}`),
    warnings: missing.map(({ name, neededBy }) => ({
      message: `${neededBy} needs ${name}, which is not installed`,
      hint: "Run npm install in the project.",
    })),
  };
  const include = options.include.map(globToRegExp);
  const exclude = options.exclude.map(globToRegExp);
  const binaries = new Map<string, FoundBinaries>();
  for (const pkg of packages) {
    const found: FoundBinaries = { kept: 0, foreign: [] };
    binaries.set(pkg.location, found);
    addPackage(pkg, { result, found, target: options.target, include, exclude });
  }
  checkPlatform(packages, binaries, options.target);
  return result;
}

interface Adding {
  result: ClosureFiles;
  found: FoundBinaries;
  target: Target;
  include: readonly RegExp[];
  exclude: readonly RegExp[];
}

function addPackage(pkg: PlacedPackage, adding: Adding): void {
  const packageJson = readFileSync(join(pkg.dir, "package.json"), "utf8");
  const rule = `deps: ${pkg.name}@${pkg.version}, ${pkg.reason}`;
  visit(pkg.dir, "");

  function visit(dir: string, below: string): void {
    adding.result.inputs.push(dir);
    for (const entry of readdirSync(dir, { withFileTypes: true })) {
      const path = below + entry.name;
      if (entry.isDirectory()) {
        // What lies in its node_modules is a package of its own, here only if it is needed.
        if (entry.name !== "node_modules" && entry.name !== ".git") visit(join(dir, entry.name), `${path}/`);
      } else addFile(join(dir, entry.name), path, entry.isSymbolicLink());
    }
  }

  function addFile(file: string, path: string, isLink: boolean): void {
    const named = `${pkg.location.slice("node_modules/".length)}/${path}`;
    if (adding.exclude.some((glob) => glob.test(named) || glob.test(`node_modules/${named}`))) return;
    const isForced = adding.include.some((glob) => glob.test(named) || glob.test(`node_modules/${named}`));
    if (!isForced && junkRule(path, packageJson) !== null) return;
    const source = isLink ? linkTarget(file, pkg.dir) : file;
    const stat = source === null ? null : statSync(source);
    if (source === null || !stat?.isFile()) return;
    if (!isForced && isForeign(source, path, stat)) return;
    const mode = packedMode(stat.mode);
    adding.result.files.push({ layer: "deps", path: `deps/${pkg.location}/${path}`, source, mode, rule });
  }

  function isForeign(source: string, path: string, stat: Stats): boolean {
    if (!maybeNative(path, packedMode(stat.mode) === "755")) return false;
    const binary = readNativeBinary(source);
    if (binary === null) return false;
    if (runsOn(binary, adding.target)) {
      adding.found.kept += 1;
      return false;
    }
    adding.found.foreign.push(binary);
    return true;
  }
}

/** Links are resolved; one that leads out of the installed packages is left out, and whoever needs it will say so. */
function linkTarget(file: string, packageDir: string): string | null {
  try {
    const target = realpathSync(file);
    return target.startsWith(`${packageDir}/`) || target.includes("/node_modules/") ? target : null;
  } catch {
    return null;
  }
}
