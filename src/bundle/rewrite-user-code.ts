import { CODE_EXTENSIONS } from "./asset-files.ts";
import { extname } from "node:path";

/** What rewriting asks its surroundings; every path that comes back is relative to code/. */
export interface Surroundings {
  /** What a relative path names: a file, a folder, or nothing. */
  kindOf(path: string): "file" | "folder" | null;
  asset(path: string): string;
  worker(path: string): string;
  /** A file of an installed package, kept outside the bundle from now on; null where there is none. */
  packageFile(specifier: string): Promise<string | null>;
}

export interface Rewritten {
  code: string;
  warnings: { message: string; hint: string; offset: number }[];
}

const NEW_URL = /\bnew\s+URL\(\s*(["'`])(\.{1,2}\/[^"'`\n$]+)\1\s*,\s*import\.meta\.url\s*,?\s*\)/g;
const META_RESOLVE = /\bimport\.meta\.resolve\(\s*(["'`])([^"'`\n$]+)\1\s*\)/g;
const CREATE_REQUIRE =
  /\b(?:const|let|var)\s+([\w$]+)\s*=\s*(?:[\w$]+\.)?createRequire\(\s*(?:import\.meta\.url|__filename|import\.meta\.filename)\s*\)\s*;?/g;
const BESIDE_CODE = /\b(?:__dirname|__filename|import\.meta\.(?:dirname|filename))\b/g;

/** Cheap: is there anything that `rewriteUserCode` would look at? */
export function mayNeedRewriting(source: string): boolean {
  return /import\.meta|createRequire|__dirname|__filename/.test(source);
}

/**
 * The bundle is one file in another folder, so what the user's code names relative to its own file is pointed
 * to the packed copy. Lines stay where they are.
 */
export async function rewriteUserCode(source: string, surroundings: Surroundings): Promise<Rewritten> {
  const warnings: Rewritten["warnings"] = [];
  let code = await replaceAsync(source, NEW_URL, async ([whole = "", , path = ""], offset) => {
    const kind = surroundings.kindOf(path);
    if (kind === null) {
      if (isComment(source, offset)) return whole;
      warnings.push({
        message: `${path} does not exist beside this file, so it is not packed`,
        hint: "Put files that the model reads into data/ and open them through dataDir.",
        offset,
      });
      return whole;
    }
    const isCode = kind === "file" && CODE_EXTENSIONS.has(extname(path));
    const target = isCode ? surroundings.worker(path) : surroundings.asset(path);
    return `new URL("./${target}", import.meta.url)`;
  });
  code = await replaceAsync(code, META_RESOLVE, async ([whole = "", , specifier = ""]) => {
    if (specifier.startsWith(".")) {
      if (surroundings.kindOf(specifier) !== "file") return whole;
      return `new URL("./${surroundings.asset(specifier)}", import.meta.url).href`;
    }
    const file = await surroundings.packageFile(specifier);
    return file === null ? whole : `new URL("${file}", import.meta.url).href`;
  });
  code = await replaceAsync(code, CREATE_REQUIRE, async ([whole = "", name = ""]) => {
    // Without its declaration, `require` is the one that the bundler follows.
    if (name === "require") return whole.replaceAll(/[^\n]/g, " ");
    const calls = new RegExp(
      `(?<![\\w$.])${name.replaceAll("$", "\\$")}(?:\\.resolve)?\\(\\s*["']([^."'][^"']*)["']`,
      "g",
    );
    for (const [, specifier = ""] of source.matchAll(calls)) await surroundings.packageFile(specifier);
    return `const ${name} = require;`;
  });
  for (const match of code.matchAll(BESIDE_CODE)) {
    const line = lineAt(code, match.index);
    if (/\bdata\b/.test(line) || isComment(code, match.index)) continue;
    warnings.push({
      message: `${match[0]} is the folder of the packed bundle; files beside this source are not packed`,
      hint: 'Put files into data/ and open them through dataDir, or name one as new URL("./file", import.meta.url).',
      offset: match.index,
    });
    break;
  }
  return { code, warnings };
}

async function replaceAsync(
  text: string,
  pattern: RegExp,
  replace: (groups: string[], offset: number) => Promise<string>,
): Promise<string> {
  let out = "";
  let end = 0;
  for (const match of text.matchAll(pattern)) {
    out += text.slice(end, match.index) + (await replace([...match], match.index));
    end = match.index + match[0].length;
  }
  return out + text.slice(end);
}

function isComment(text: string, offset: number): boolean {
  return /^\s*(\/\/|\*|\/\*)/.test(lineAt(text, offset));
}

function lineAt(text: string, offset: number): string {
  const start = text.lastIndexOf("\n", offset) + 1;
  const end = text.indexOf("\n", offset);
  return text.slice(start, end === -1 ? undefined : end);
}
