import { statSync } from "node:fs";
import { join, posix } from "node:path";
import type { InstalledPackage } from "./installed-package.ts";

export type ImportKind = "import" | "require";

/**
 * The file, from the package's folder, that Node itself loads for a subpath ("." or "./sub"); null where it
 * finds none. The bundler's own answer may be another one: it prefers the form that bundles best.
 * "module-sync" is left out, so that the answer is the same for every version of Node.
 */
export function packageEntry(pkg: InstalledPackage, subpath: string, kind: ImportKind): string | null {
  const { exports } = pkg.json;
  if (exports === undefined || exports === null) return legacyEntry(pkg, subpath);
  const conditions = new Set(["node", kind, "node-addons", "default"]);
  const target = exportsTarget(exports, subpath, conditions);
  return target === null ? null : existing(pkg, posix.normalize(target));
}

function legacyEntry(pkg: InstalledPackage, subpath: string): string | null {
  if (subpath !== ".") return probe(pkg, posix.normalize(subpath));
  const main = typeof pkg.json.main === "string" ? posix.normalize(pkg.json.main) : null;
  return (main === null ? null : probe(pkg, main)) ?? probe(pkg, "index");
}

function probe(pkg: InstalledPackage, path: string): string | null {
  const base = path.replace(/\/$/, "");
  const names = [base, `${base}.js`, `${base}.json`, `${base}.node`].filter((name) => name !== ".");
  const indexes = ["index.js", "index.json", "index.node"].map((name) => posix.join(base, name));
  for (const name of [...names, ...indexes]) {
    const found = existing(pkg, name);
    if (found !== null) return found;
  }
  return null;
}

function existing(pkg: InstalledPackage, path: string): string | null {
  if (path.startsWith("..")) return null;
  return statSync(join(pkg.dir, path), { throwIfNoEntry: false })?.isFile() ? path : null;
}

function exportsTarget(exports: unknown, subpath: string, conditions: Set<string>): string | null {
  const isMap =
    typeof exports === "object" &&
    exports !== null &&
    !Array.isArray(exports) &&
    Object.keys(exports).some((key) => key.startsWith("."));
  if (!isMap) return subpath === "." ? pickTarget(exports, "", conditions) : null;
  const map = exports as Record<string, unknown>;
  if (subpath in map && !subpath.includes("*")) return pickTarget(map[subpath], "", conditions);
  // The pattern with the longest text before its star wins.
  const patterns = Object.keys(map)
    .filter((key) => key.split("*").length === 2 && matches(key, subpath))
    .sort((a, b) => b.indexOf("*") - a.indexOf("*") || b.length - a.length);
  const [pattern] = patterns;
  if (pattern === undefined) return null;
  const star = pattern.indexOf("*");
  const middle = subpath.slice(star, subpath.length - (pattern.length - star - 1));
  return pickTarget(map[pattern], middle, conditions);
}

function matches(pattern: string, subpath: string): boolean {
  const [before = "", after = ""] = pattern.split("*");
  return subpath.length >= pattern.length && subpath.startsWith(before) && subpath.endsWith(after);
}

function pickTarget(target: unknown, middle: string, conditions: Set<string>): string | null {
  if (typeof target === "string") return target.startsWith("./") ? target.replaceAll("*", middle) : null;
  if (Array.isArray(target)) {
    for (const each of target) {
      const picked = pickTarget(each, middle, conditions);
      if (picked !== null) return picked;
    }
    return null;
  }
  if (typeof target !== "object" || target === null) return null;
  for (const [condition, each] of Object.entries(target)) {
    if (!conditions.has(condition)) continue;
    const picked = pickTarget(each, middle, conditions);
    if (picked !== null) return picked;
  }
  return null;
}
