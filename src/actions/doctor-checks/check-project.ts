import { existsSync } from "node:fs";
import { join } from "node:path";
import { checkDependencies } from "./check-dependencies.ts";
import { type Check, ok } from "./check.ts";

/** config.yaml, the model file and what it needs, where the folder is a project. */
export async function checkProject(dir: string): Promise<Check[]> {
  if (!existsSync(join(dir, "config.yaml"))) return [ok("project", "this folder holds no project")];
  return [await checkDependencies(dir)];
}
