import { existsSync } from "node:fs";
import { join, relative } from "node:path";
import { isAppError, type SourceLocation } from "../../errors.ts";
import { loadProject } from "../../project/load-project.ts";
import { checkDependencies } from "./check-dependencies.ts";
import { type Check, fail, ok, warn } from "./check.ts";

/** config.yaml, the model file and what it needs, where the folder is a project. */
export async function checkProject(dir: string): Promise<Check[]> {
  if (!existsSync(join(dir, "config.yaml"))) return [ok("project", "this folder holds no project")];
  return [await checkConfig(dir), await checkDependencies(dir)];
}

async function checkConfig(dir: string): Promise<Check> {
  try {
    const project = await loadProject(dir);
    const [first, ...others] = project.warnings;
    const name = `${project.config.model_name}: config.yaml is valid, ${relative(project.dir, project.modelFile)} is there`;
    if (!first) return ok("project", name);
    const more = others.length > 0 ? ` (and ${others.length} more)` : "";
    return warn(
      "project",
      `${place(first.location)}${first.message}${more}`,
      "purlin config check shows all.",
    );
  } catch (error) {
    if (!isAppError(error)) throw error;
    const problems = error.problems.map(({ message, location }) => `${place(location)}${message}`);
    const detail = problems.length > 0 ? problems.join("; ") : `${place(error.location)}${error.message}`;
    return fail("project", detail, error.hint ?? "purlin config check shows the places.");
  }
}

function place(location: SourceLocation | undefined): string {
  if (!location) return "";
  return `${[location.file, location.line, location.column].filter((part) => part !== undefined).join(":")}: `;
}
