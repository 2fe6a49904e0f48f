import { dirname, join } from "node:path";
import type { ModelBundle } from "../../bundle/model-bundle.ts";
import type { Project } from "../../project/project.ts";
import type { PackageParts } from "./build-package.ts";

const BESIDE_CONFIG = [
  "config.yaml",
  ".purlinignore",
  "package.json",
  "package-lock.json",
  "tsconfig.json",
  "node_modules/.package-lock.json",
];

/** Everything that a build looked at, folders included: if all of it is as it was, so is the package. */
export function buildInputs(project: Project, bundle: ModelBundle, parts: PackageParts): Set<string> {
  const inputs = new Set(BESIDE_CONFIG.map((name) => join(project.dir, name)));
  // Also where it is not there yet.
  inputs.add(join(project.dir, project.config.data_dir));
  for (const input of bundle.inputs) {
    inputs.add(input);
    const at = input.lastIndexOf("/node_modules/");
    // A new file beside the user's own may be what an import means from now on; packages only change as a whole.
    if (at === -1) inputs.add(dirname(input));
    else inputs.add(join(packageFolder(input, at), "package.json"));
  }
  for (const folder of [...parts.data.folders, ...parts.closure.inputs]) inputs.add(folder);
  for (const { layer, source } of parts.files) {
    if (typeof source === "string" && layer !== "runtime") inputs.add(source);
  }
  return inputs;
}

function packageFolder(file: string, at: number): string {
  const start = at + "/node_modules/".length;
  const [first = "", second = ""] = file.slice(start).split("/");
  return file.slice(0, start) + (first.startsWith("@") ? `${first}/${second}` : first);
}
