import { readFileSync } from "node:fs";
import { join, posix, sep } from "node:path";
import ignore, { type Ignore } from "ignore";
import type { Problem } from "../errors.ts";

export const IGNORE_FILE = ".purlinignore";

/** Never packed or watched, whatever .purlinignore says. Case does not count: some disks do not tell it apart. */
const LOCKED = [".git", "node_modules", ".purlin", ".env*", "*.pem", "*.key"];

/** A `!` line of .purlinignore takes these back. */
const DEFAULTS = ["dist", ".DS_Store", "*.swp"];

export interface IgnoreAnswer {
  ignored: boolean;
  /** What decided it: "default: dist", ".purlinignore:3: *.bak"; null where nothing speaks of the path. */
  rule: string | null;
}

export interface IgnoreRules {
  /** `relativePath` is from the project, with `/` (or the platform's separator) and without a leading one. */
  ignores(relativePath: string, isDirectory: boolean): IgnoreAnswer;
  /** Lines of .purlinignore that have no effect. */
  warnings: Problem[];
}

/**
 * The fixed defaults and the project's .purlinignore, in gitignore syntax. As in git, nothing below an ignored
 * folder can be taken back. Not for the insides of packed dependencies.
 */
export function createIgnoreRules(projectDir: string): IgnoreRules {
  const lines = readLines(join(projectDir, IGNORE_FILE));
  const locked = ignore({ ignorecase: true }).add(
    LOCKED.map((pattern) => ({ pattern, mark: `default: ${pattern}` })),
  );
  const open = ignore({ ignorecase: false })
    .add(DEFAULTS.map((pattern) => ({ pattern, mark: `default: ${pattern}` })))
    .add(
      lines.map((pattern, index) => ({ pattern, mark: `${IGNORE_FILE}:${index + 1}: ${pattern.trim()}` })),
    );

  return {
    ignores(relativePath, isDirectory) {
      const path = normalize(relativePath, isDirectory);
      // The project folder itself, and what lies outside of it, is not for these rules to judge.
      if (!ignore.isPathValid(path)) return { ignored: false, rule: null };
      const held = answer(locked, path);
      return held.ignored ? held : answer(open, path);
    },
    warnings: lines.flatMap((line, index) => uselessLine(line, index + 1, { locked, open })),
  };
}

interface RuleSets {
  locked: Ignore;
  open: Ignore;
}

function answer(rules: Ignore, path: string): IgnoreAnswer {
  const { ignored, rule } = rules.test(path);
  return { ignored, rule: rule?.mark ?? null };
}

function normalize(relativePath: string, isDirectory: boolean): string {
  const path = relativePath.replaceAll(sep, "/").replace(/^\.\//, "").replace(/\/+$/, "");
  return isDirectory && path !== "" ? `${path}/` : path;
}

function readLines(file: string): string[] {
  try {
    return readFileSync(file, "utf8")
      .replace(/^\uFEFF/, "")
      .split(/\r?\n/);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return [];
    throw error;
  }
}

/** A `!` line that takes nothing back, which its author would not notice. */
function uselessLine(line: string, number: number, { locked, open }: RuleSets): Problem[] {
  const text = line.trim();
  const path = normalize(text.replace(/^!\/?/, ""), false);
  if (!text.startsWith("!") || !ignore.isPathValid(path)) return [];
  const location = { file: IGNORE_FILE, line: number, column: 1, lineText: line, length: line.length };
  if (locked.ignores(path)) {
    const message = `${text} has no effect: secrets, .git, node_modules and .purlin are never packed`;
    return [{ message, location }];
  }
  const folder = posix.dirname(path);
  if (folder === "." || /[*?[\]]/.test(folder) || !open.ignores(`${folder}/`)) return [];
  const message = `${text} has no effect: its folder ${folder} is left out as a whole`;
  return [{ message, location, hint: `Write "!${folder}/" before it.` }];
}
