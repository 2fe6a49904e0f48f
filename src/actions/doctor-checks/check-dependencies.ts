import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type Check, fail, ok } from "./check.ts";

/** Whether what the project's package.json asks for is installed; versions are npm's business. */
export async function checkDependencies(dir: string): Promise<Check> {
  const name = "dependencies";
  let text: string;
  try {
    text = await readFile(join(dir, "package.json"), "utf8");
  } catch {
    return ok(name, "no package.json, none needed");
  }
  const wanted = readDependencies(text);
  if (wanted === null) return fail(name, "package.json is not valid JSON.", "Mend package.json.");
  const missing = wanted.filter((one) => !isInstalled(one, dir));
  if (missing.length === 0) return ok(name, wanted.length === 0 ? "none" : `${wanted.length} installed`);
  return fail(name, `Not installed: ${missing.join(", ")}.`, "Run npm install in the project's folder.");
}

function readDependencies(text: string): string[] | null {
  try {
    const { dependencies } = JSON.parse(text) as { dependencies?: Record<string, string> };
    return Object.keys(dependencies ?? {});
  } catch {
    return null;
  }
}

/** As Node looks for packages: here, and in every folder above. */
function isInstalled(name: string, dir: string): boolean {
  if (existsSync(join(dir, "node_modules", name, "package.json"))) return true;
  const above = dirname(dir);
  return above !== dir && isInstalled(name, above);
}
