import { existsSync, readdirSync, readFileSync, realpathSync } from "node:fs";
import { join, relative } from "node:path";
import { createIgnoreRules } from "../project/ignore-rules.ts";
import type { Project } from "../project/project.ts";
import { globToRegExp } from "../util/glob.ts";
import { type InstalledPackage, readPackageJson } from "./installed-package.ts";

/** What config.yaml's build.include names beside what imports lead to. */
export interface Included {
  /** Packages that are only loaded by a name which running tells. */
  packages: InstalledPackage[];
  /** Files of the project, for code/: those of the model's folder as they lie there. */
  files: { file: string; path: string }[];
  /** Folders that were searched, absolute. */
  folders: string[];
}

/** A package by its name, files of the project by a glob. Globs below node_modules are for the packing. */
export function includedFiles(project: Project, packagesDir: string | null): Included {
  const included: Included = { packages: [], files: [], folders: [] };
  const globs: RegExp[] = [];
  for (const entry of project.config.build.include) {
    const dir = join(packagesDir ?? project.dir, "node_modules", entry);
    const json = /^(@[\w.-]+\/)?[\w.-]+$/.test(entry) && existsSync(dir) ? readPackageJson(dir) : null;
    if (json) {
      const version = json.version ?? "0.0.0";
      included.packages.push({ name: entry, version, dir: realpathSync(dir), json });
    } else if (!entry.startsWith("node_modules/")) globs.push(globToRegExp(entry));
  }
  if (globs.length > 0) {
    const { files, folders } = projectFiles(project.dir);
    included.folders = folders;
    for (const path of files.filter((each) => globs.some((glob) => glob.test(each)))) {
      const moduleDir = `${project.config.model_module_dir}/`;
      const packed = path.startsWith(moduleDir) ? path.slice(moduleDir.length) : path;
      included.files.push({ file: join(project.dir, path), path: packed });
    }
  }
  return included;
}

export function readIncluded({ files }: Included): { path: string; contents: Uint8Array }[] {
  return files.map(({ file, path }) => ({ path, contents: readFileSync(file) }));
}

/** From the project, with `/`; the ignore rules hold here as they do for data. */
function projectFiles(projectDir: string): { files: string[]; folders: string[] } {
  const rules = createIgnoreRules(projectDir);
  const files: string[] = [];
  const folders: string[] = [];
  const visit = (dir: string): void => {
    folders.push(dir);
    for (const entry of readdirSync(dir, { withFileTypes: true })) {
      const file = join(dir, entry.name);
      const path = relative(projectDir, file).replaceAll("\\", "/");
      if (rules.ignores(path, entry.isDirectory()).ignored) continue;
      if (entry.isDirectory()) visit(file);
      else if (entry.isFile()) files.push(path);
    }
  };
  visit(projectDir);
  return { files: files.sort(), folders };
}
