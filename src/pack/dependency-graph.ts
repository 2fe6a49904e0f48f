import { existsSync, readFileSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Target } from "../protocol/target.ts";

/** A package that must be on disk, and where in the package's deps/. */
export interface PlacedPackage {
  name: string;
  version: string;
  /** Absolute folder with its links resolved. */
  dir: string;
  /** Below deps/: node_modules/sharp. */
  location: string;
  /** Why: "native addon", "needed by sharp". */
  reason: string;
  /** Somebody cannot do without: it is not only there by way of an optional dependency. */
  required: boolean;
  json: PackageJson;
}

export interface PackageJson {
  name?: string;
  version?: string;
  os?: string[];
  cpu?: string[];
  libc?: string[];
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
  peerDependenciesMeta?: Record<string, { optional?: boolean }>;
  scripts?: Record<string, string>;
}

export interface RootPackage {
  name: string;
  version: string;
  dir: string;
  location: string;
  reason: string;
}

export interface DependencyGraph {
  packages: PlacedPackage[];
  /** Packages that something needs and that are not installed. */
  missing: { name: string; neededBy: string }[];
}

const MAX_DEPTH = 64;
/** Packages of declarations, which some list among their dependencies; no program reads them. */
const TYPES = "@types/";

/**
 * Everything that the root packages need at run time, each where Node finds it from there. The layout that npm
 * made is kept; packages from a store of links are laid out anew.
 */
export function dependencyGraph(roots: readonly RootPackage[], target: Target): DependencyGraph {
  const placed = new Map<string, PlacedPackage>();
  const missing: DependencyGraph["missing"] = [];
  const queue: PlacedPackage[] = [];

  for (const root of [...roots].sort((a, b) => compareText(a.location, b.location))) {
    place({ ...root, required: true, json: readPackageJson(root.dir) ?? {} });
  }
  for (let next = queue.shift(); next; next = queue.shift()) addNeeds(next);
  const packages = [...placed.values()].sort((a, b) => compareText(a.location, b.location));
  return { packages, missing };

  function place(pkg: PlacedPackage): void {
    placed.set(pkg.location, pkg);
    queue.push(pkg);
  }

  function addNeeds(pkg: PlacedPackage): void {
    for (const { name, optional } of needsOf(pkg.json)) {
      const dir = findInstalled(name, pkg.dir);
      if (dir === null) {
        if (!optional) missing.push({ name, neededBy: pkg.name });
        continue;
      }
      const json = readPackageJson(dir);
      if (json === null || (optional && !suits(json, target))) continue;
      const seen = lookUp(name, pkg.location);
      const required = pkg.required && !optional;
      if (seen?.dir === dir) {
        if (required && !seen.required) {
          seen.required = true;
          queue.push(seen);
        }
        continue;
      }
      const location = freePlace({ name, dir, seen: seen !== null }, pkg);
      if (location === null || location.split("/node_modules/").length > MAX_DEPTH) continue;
      const reason = `needed by ${pkg.name}`;
      place({ name, version: json.version ?? "0.0.0", dir, location, reason, required, json });
    }
  }

  /** As Node does it: from the package's own node_modules upwards. */
  function lookUp(name: string, location: string): PlacedPackage | null {
    for (const folder of foldersUp(location)) {
      const found = placed.get(`${folder}node_modules/${name}`);
      if (found) return found;
    }
    return null;
  }

  function freePlace(
    wanted: { name: string; dir: string; seen: boolean },
    parent: PlacedPackage,
  ): string | null {
    const { name, dir, seen } = wanted;
    const folders = foldersUp(parent.location);
    const sameLayout = placeInLayout(dir, parent);
    const nested = `${parent.location}/node_modules/${name}`;
    // Where another version is already seen from here, only a place nearer than that one will do.
    const candidates = [
      ...(sameLayout !== null && folders.includes(sameLayout.slice(0, -`node_modules/${name}`.length))
        ? [sameLayout]
        : []),
      ...(seen ? [] : [`node_modules/${name}`]),
      nested,
    ];
    return candidates.find((candidate) => !placed.has(candidate) && isSeen(candidate, name, parent)) ?? null;
  }

  function isSeen(candidate: string, name: string, parent: PlacedPackage): boolean {
    for (const folder of foldersUp(parent.location)) {
      const at = `${folder}node_modules/${name}`;
      if (at === candidate) return true;
      if (placed.has(at)) return false;
    }
    return false;
  }
}

/** Its place beside the parent's, as it is on disk; null for stores, where the real folders are not so arranged. */
function placeInLayout(dir: string, parent: PlacedPackage): string | null {
  if (!parent.dir.endsWith(`/${parent.location}`)) return null;
  const root = parent.dir.slice(0, -parent.location.length);
  if (!dir.startsWith(`${root}node_modules/`)) return null;
  const location = dir.slice(root.length);
  return /(^|\/)node_modules\/\./.test(location) ? null : location;
}

/** "node_modules/a/node_modules/b" -> its own folder with a slash, then those above: "…/b/", "node_modules/a/", "" */
function foldersUp(location: string): string[] {
  const folders = [`${location}/`];
  for (
    let at = location.lastIndexOf("node_modules/");
    at > 0;
    at = location.lastIndexOf("node_modules/", at - 1)
  ) {
    folders.push(location.slice(0, at));
  }
  return [...folders, ""];
}

function needsOf(json: PackageJson): { name: string; optional: boolean }[] {
  const needs = new Map<string, boolean>();
  for (const name of Object.keys(json.dependencies ?? {})) needs.set(name, false);
  for (const name of Object.keys(json.optionalDependencies ?? {})) needs.set(name, true);
  // A peer is there when the user installed it; npm has already told them where it must be.
  for (const name of Object.keys(json.peerDependencies ?? {})) if (!needs.has(name)) needs.set(name, true);
  return [...needs]
    .filter(([name]) => !name.startsWith(TYPES))
    .map(([name, optional]) => ({ name, optional }))
    .sort((a, b) => compareText(a.name, b.name));
}

export function suits(json: PackageJson, target: Target): boolean {
  return (
    allows(json.os, target.os) &&
    allows(json.cpu, target.cpu) &&
    (target.libc === null || allows(json.libc, target.libc))
  );
}

/** npm's rule: a list of what is allowed, or of `!` what is not. */
function allows(list: string[] | string | undefined, value: string): boolean {
  if (list === undefined || list.length === 0) return true;
  const names = typeof list === "string" ? [list] : list;
  if (names.includes(`!${value}`)) return false;
  const wanted = names.filter((name) => !name.startsWith("!"));
  return wanted.length === 0 || wanted.includes(value) || wanted.includes("any");
}

function findInstalled(name: string, from: string): string | null {
  for (let dir = from; ; dir = dirname(dir)) {
    const candidate = join(dir, "node_modules", name);
    if (existsSync(join(candidate, "package.json"))) return realpathSync(candidate);
    if (dirname(dir) === dir) return null;
  }
}

export function readPackageJson(dir: string): PackageJson | null {
  try {
    return JSON.parse(readFileSync(join(dir, "package.json"), "utf8")) as PackageJson;
  } catch {
    return null;
  }
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
