import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { isInstalled } from "./installed-package.ts";

/** The tsconfig.json files that say how the user's sources are compiled, with those they extend. */
export function findTsconfigs(inputs: readonly string[], projectDir: string): string[] {
  const folders = new Set([projectDir]);
  for (const input of inputs) {
    if (isInstalled(input)) continue;
    for (let dir = dirname(input); dir.startsWith(projectDir); dir = dirname(dir)) folders.add(dir);
  }
  const found = new Set<string>();
  for (const dir of folders) addWithBases(join(dir, "tsconfig.json"), found);
  return [...found].sort();
}

function addWithBases(file: string, found: Set<string>): void {
  if (found.has(file) || !existsSync(file)) return;
  found.add(file);
  for (const base of basesOf(readFileSync(file, "utf8"))) {
    const path = base.startsWith(".") ? resolve(dirname(file), base) : installed(base, file);
    if (path === null) continue;
    addWithBases(existsSync(path) ? path : `${path}.json`, found);
  }
}

/** tsconfig.json is JSON with comments: this one key is read by its shape. */
function basesOf(text: string): string[] {
  const value = /"extends"\s*:\s*(\[[^\]]*\]|"[^"]*")/.exec(text)?.[1] ?? "";
  return [...value.matchAll(/"([^"]+)"/g)].map((match) => match[1] ?? "");
}

function installed(name: string, from: string): string | null {
  try {
    return createRequire(from).resolve(name.endsWith(".json") ? name : `${name}/tsconfig.json`);
  } catch {
    return null;
  }
}
