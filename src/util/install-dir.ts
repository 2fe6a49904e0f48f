import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

let found: string | undefined;

/** Absolute folder of this installation of Purlin: it holds dist/ with what travels in packages. */
export function installDir(): string {
  found ??= search(dirname(fileURLToPath(import.meta.url)));
  return found;
}

/** The version of what is in dist/. */
export function installedVersion(): string {
  const text = readFileSync(join(installDir(), "dist/runtime/package.json"), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}

/** This code may lie in src/util or anywhere in dist/. */
function search(start: string): string {
  for (let dir = start; ; dir = dirname(dir)) {
    if (existsSync(join(dir, "dist/runtime/front.mjs"))) return dir;
    if (dirname(dir) === dir)
      throw new Error("dist/ is missing from this installation of Purlin: npm run build");
  }
}
