import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { AppError } from "../errors.ts";
import type { Target } from "../protocol/target.ts";
import { hostTargetName } from "../util/host-target.ts";
import type { PlacedPackage } from "./dependency-graph.ts";
import { describeBinary, type NativeBinary } from "./native-binary.ts";

/** What one package brought along, and what of it was for other machines. */
export interface FoundBinaries {
  kept: number;
  foreign: NativeBinary[];
}

const COMPILES = /\b(node-gyp|node-pre-gyp|prebuild-install|node-gyp-build|cmake-js)\b/;
/** @img/sharp-linux-x64, @libsql/darwin-arm64 */
const FOR_PLATFORM = /(linux|linuxmusl|darwin|win32)[-_.](\w+[-_.])?(x64|arm64)/i;

/**
 * A native package is right when it, or one of the packages that it brings for platforms, can be loaded. Checked
 * for each one that somebody cannot do without; `binaries` is by location. Throws AppError WRONG_PLATFORM.
 */
export function checkPlatform(
  packages: readonly PlacedPackage[],
  binaries: ReadonlyMap<string, FoundBinaries>,
  target: Target,
): void {
  for (const pkg of packages) {
    if (!pkg.required) continue;
    const optional = Object.keys(pkg.json.optionalDependencies ?? {});
    const family = packages.filter((other) => other === pkg || optional.includes(other.name));
    const found = family.map(({ location }) => binaries.get(location) ?? { kept: 0, foreign: [] });
    const foreign = found.flatMap((each) => each.foreign);
    // What an optional package lacks, its owner may do without.
    const isNative = isNativeAddon(pkg) || (binaries.get(pkg.location)?.foreign.length ?? 0) > 0;
    if (!isNative || found.some(({ kept }) => kept > 0) || hasWasm(family)) continue;
    throw wrongPlatform(pkg, foreign, target);
  }
}

/** Roots have been judged by the bundler; for what they need, their package.json speaks. */
function isNativeAddon({ reason, json, dir }: PlacedPackage): boolean {
  if (!reason.startsWith("needed by ")) return reason === "native addon";
  return (
    COMPILES.test(json.scripts?.["install"] ?? "") ||
    existsSync(join(dir, "binding.gyp")) ||
    Object.keys(json.optionalDependencies ?? {}).some((name) => FOR_PLATFORM.test(name))
  );
}

function hasWasm(family: readonly PlacedPackage[]): boolean {
  return family.some(({ dir }) =>
    readdirSync(dir, { recursive: true, encoding: "utf8" }).some((name) => name.endsWith(".wasm")),
  );
}

function wrongPlatform(pkg: PlacedPackage, foreign: readonly NativeBinary[], target: Target): AppError {
  const whose = pkg.reason.startsWith("needed by ") ? ` (${pkg.reason})` : "";
  const name = `${pkg.name}@${pkg.version}${whose}`;
  const there = [...new Set(foreign.map(describeBinary))].sort();
  const data = { package: pkg.name, target: target.name, found: there };
  const isForeign = target.name !== hostTargetName();
  if (there.length > 0) {
    const message = `${name} has no binary for ${target.name}, only for ${there.join(", ")}.`;
    const hint = isForeign ? otherTargetHint(pkg) : otherMachineHint(pkg.name);
    return new AppError("WRONG_PLATFORM", message, { hint, data });
  }
  return new AppError(
    "WRONG_PLATFORM",
    `${name} is a native addon, and there is no binary of it for ${target.name}.`,
    { hint: isForeign ? foreignHint(pkg.name) : hostHint(pkg.name), data },
  );
}

function otherTargetHint(pkg: PlacedPackage): string {
  const choose = "Choose a target that it supports, or another package in its place.";
  if (isNativeAddon(pkg)) return choose;
  return `${choose} Where the model does without these files, name them in build.exclude: "${pkg.name}/**/*.node".`;
}

function otherMachineHint(name: string): string {
  return `Install the packages on this machine: node_modules was made on another one, or ${name} does not support it.`;
}

function foreignHint(name: string): string {
  return `Where its install script fetches ready-made binaries, name it in config.yaml (build.allow_scripts: [${name}]); else build on a machine of that kind.`;
}

function hostHint(name: string): string {
  return `Its install script has not run, or its optional packages were left out: npm rebuild ${name}, or npm install --include=optional.`;
}
