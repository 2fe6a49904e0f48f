import type { Message } from "esbuild";
import { AppError, type Problem, type SourceLocation } from "../errors.ts";
import { packageName, readPackageJson } from "./installed-package.ts";
import { stablePath } from "./asset-files.ts";

const UNRESOLVED = /^Could not resolve "([^"]+)"/;

/** What esbuild found wrong, as one error that a person can act on. */
export function buildError(messages: readonly Message[], projectDir: string): AppError {
  const declared = declaredPackages(projectDir);
  const missing = new Map<string, Problem>();
  const problems: Problem[] = [];
  for (const message of messages) {
    const name = missingPackage(message);
    if (name === null) {
      problems.push(toProblem(message));
      continue;
    }
    if (missing.has(name)) continue;
    const problem: Problem = {
      message: `${name} is not installed.`,
      hint: declared.has(name)
        ? "It is in package.json: run npm install in the project."
        : `Run npm install ${name} in the project.`,
    };
    const location = toLocation(message);
    if (location) problem.location = location;
    missing.set(name, problem);
  }
  if (missing.size > 0 && problems.length === 0) return packagesMissing(missing, declared);
  const all = [...problems, ...missing.values()];
  const count = all.length === 1 ? "1 problem" : `${all.length} problems`;
  return new AppError("BUILD_FAILED", `The model's code does not bundle: ${count}.`, { problems: all });
}

export function toProblem(message: Message): Problem {
  const location = toLocation(message);
  const hint = message.notes
    .map((note) => note.text)
    .filter(Boolean)
    .join(" ");
  return {
    message: message.text.replaceAll(/\bfile:\/\/\S+/g, ""),
    ...(location ? { location } : {}),
    ...(hint ? { hint } : {}),
  };
}

function packagesMissing(missing: Map<string, Problem>, declared: ReadonlySet<string>): AppError {
  const names = [...missing.keys()];
  const unknown = names.filter((name) => !declared.has(name));
  const command = unknown.length === 0 ? "npm install" : `npm install ${unknown.join(" ")}`;
  const what = names.length === 1 ? `The package ${names[0]} is` : `The packages ${names.join(", ")} are`;
  const [only] = missing.values();
  return new AppError("PACKAGE_MISSING", `${what} imported and not installed.`, {
    hint: `Run: ${command}`,
    ...(missing.size === 1 && only?.location ? { location: only.location } : {}),
    ...(missing.size > 1 ? { problems: [...missing.values()] } : {}),
    data: { packages: names },
  });
}

/** The package that an import names and that is nowhere; null for every other fault. */
function missingPackage(message: Message): string | null {
  const specifier = UNRESOLVED.exec(message.text)?.[1];
  if (specifier === undefined || /^[./#]|^[a-z]+:/i.test(specifier)) return null;
  const name = packageName(specifier);
  const isName = /^(@[a-z0-9~-][\w.~-]*\/)?[a-z0-9~-][\w.~-]*$/i.test(name);
  // Where the package is there and the path in it is not, esbuild's notes say why.
  const isThere = message.notes.some(({ text }) => /not exported|is disabled|subpath|"exports"/.test(text));
  return isName && !isThere ? name : null;
}

/** Lines and columns from 1, columns in characters where esbuild counts bytes. */
function toLocation({ location }: Message): SourceLocation | null {
  if (!location) return null;
  const before = Buffer.from(location.lineText).subarray(0, location.column).toString("utf8");
  const marked = Buffer.from(location.lineText).subarray(location.column, location.column + location.length);
  return {
    file: stablePath(location.file),
    line: location.line,
    column: before.length + 1,
    length: marked.toString("utf8").length,
    lineText: location.lineText,
  };
}

function declaredPackages(projectDir: string): Set<string> {
  const json = readPackageJson(projectDir);
  return new Set(
    [json?.dependencies, json?.devDependencies, json?.optionalDependencies, json?.peerDependencies].flatMap(
      (names) => Object.keys(names ?? {}),
    ),
  );
}
