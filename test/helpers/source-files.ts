import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

export interface ModuleImport {
  specifier: string;
  typeOnly: boolean;
}

export interface SourceFile {
  /** From the repository, with `/`: src/pack/pack.ts. */
  path: string;
  text: string;
  lines: number;
  imports: ModuleImport[];
}

/** Every TypeScript file below a folder of the repository, with what it imports. */
export function sourceFiles(folder: string): SourceFile[] {
  return readdirSync(`${ROOT}${folder}`, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => `${folder}/${name.replaceAll("\\", "/")}`)
    .sort()
    .map((path) => {
      const text = readFileSync(`${ROOT}${path}`, "utf8");
      return { path, text, lines: text.split("\n").length - 1, imports: importsOf(text) };
    });
}

/** Code without comments and template literals: those may hold code that is written out, not run here. */
export function codeOnly(text: string): string {
  return text
    .replaceAll(/\/\*[\s\S]*?\*\//g, "")
    .replaceAll(/(^|[^:"'`])\/\/.*$/gm, "$1")
    .replaceAll(/`(?:\\.|[^`\\])*`/g, "``");
}

/** Static imports, re-exports, `import()` and types from `import("x").y`. */
export function importsOf(text: string): ModuleImport[] {
  const code = codeOnly(text);
  const found: ModuleImport[] = [];
  for (const match of code.matchAll(/^\s*(import|export)(\s+type)?\s[^;"']*?from\s*["']([^"']+)["']/gm)) {
    found.push({ specifier: match[3] ?? "", typeOnly: match[2] !== undefined });
  }
  for (const match of code.matchAll(/^\s*import\s*["']([^"']+)["']/gm)) {
    found.push({ specifier: match[1] ?? "", typeOnly: false });
  }
  for (const match of code.matchAll(/\b(?:import|require|require\.resolve)\(\s*["']([^"']+)["']/g)) {
    found.push({ specifier: match[1] ?? "", typeOnly: false });
  }
  return found;
}
