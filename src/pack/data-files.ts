import { type Dirent, lstatSync, readdirSync, realpathSync, statSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { AppError } from "../errors.ts";
import { PACKAGE_PATHS } from "../protocol/manifest.ts";
import { type PackageFile, packedMode } from "./package-file.ts";

export interface DataOptions {
  /** Absolute, links resolved. */
  projectDir: string;
  /** Absolute; null where the project has none. */
  dataDir: string | null;
  /** The ignore rules, asked with paths from the project. */
  ignores: (relativePath: string, isDirectory: boolean) => { ignored: boolean; rule: string | null };
}

export interface DataFiles {
  files: PackageFile[];
  /** What the ignore rules left out; a folder stands for all that is in it. */
  dropped: { path: string; rule: string }[];
  /** Every folder that was listed, absolute. */
  folders: string[];
}

/**
 * All that is in the data folder and not ignored, links within the project resolved.
 * Throws AppError LINK_OUTSIDE and PATH_INVALID.
 */
export function dataFiles(options: DataOptions): DataFiles {
  const { projectDir, dataDir, ignores } = options;
  const result: DataFiles = { files: [], dropped: [], folders: [] };
  if (dataDir !== null) visitFolder({ dir: dataDir, from: dataDir }, PACKAGE_PATHS.data, new Set());
  return result;

  /** `open` holds the folders that this one lies in, so that a link to one of them is no endless way down. */
  function visitFolder(
    { dir, from }: { dir: string; from: string },
    packedDir: string,
    open: ReadonlySet<string>,
  ): void {
    const real = realpathSync(dir);
    if (open.has(real)) {
      throw new AppError("LINK_OUTSIDE", `${shown(from)} is a link to a folder that it lies in itself.`, {
        hint: "Remove the link; a package cannot hold it.",
      });
    }
    result.folders.push(dir);
    const entries = readdirSync(dir, { withFileTypes: true });
    const inside = new Set([...open, real]);
    for (const entry of entries)
      visit(join(dir, entry.name), `${packedDir}/${entry.name}`, { entry, inside });
  }

  function visit(
    path: string,
    packed: string,
    { entry, inside }: { entry: Dirent; inside: ReadonlySet<string> },
  ): void {
    const target = entry.isSymbolicLink() ? resolveLink(path) : path;
    const stat = target === path ? lstatSync(path) : statSync(target);
    const answer = judge(path, target, stat.isDirectory());
    if (answer.ignored) {
      result.dropped.push({ path: shown(path), rule: answer.rule ?? "an ignore rule" });
    } else if (stat.isDirectory()) {
      visitFolder({ dir: target, from: path }, packed, inside);
    } else if (stat.isFile()) {
      const rule = target === path ? "data/" : `data/, a link to ${shown(target)}`;
      result.files.push({ layer: "data", path: packed, source: target, mode: packedMode(stat.mode), rule });
    } else {
      throw new AppError("PATH_INVALID", `${shown(path)} is ${kindOf(stat)}; only files can be packed.`, {
        hint: "Move it out of the data folder, or name it in .purlinignore.",
      });
    }
  }

  /** A link is left out by its own name or by that of what it leads to: none brings a secret in. */
  function judge(
    path: string,
    target: string,
    isDirectory: boolean,
  ): { ignored: boolean; rule: string | null } {
    const own = ignores(shown(path), isDirectory);
    if (own.ignored || target === path) return own;
    const other = ignores(shown(target), isDirectory);
    const isSecret = other.ignored && !shown(target).split("/").includes("node_modules");
    return isSecret ? other : own;
  }

  function resolveLink(path: string): string {
    let target: string;
    try {
      target = realpathSync(path);
    } catch (error) {
      throw new AppError("LINK_OUTSIDE", `${shown(path)} is a link that leads nowhere.`, {
        hint: "Mend or remove the link.",
        cause: error,
      });
    }
    if (target.startsWith(projectDir + sep)) return target;
    throw new AppError("LINK_OUTSIDE", `${shown(path)} is a link out of the project, to ${target}.`, {
      hint: "Copy what it leads to into the project: the package must hold it.",
    });
  }

  function shown(path: string): string {
    return relative(projectDir, path).split(sep).join("/");
  }
}

function kindOf(stat: { isFIFO(): boolean; isSocket(): boolean }): string {
  if (stat.isFIFO()) return "a named pipe";
  return stat.isSocket() ? "a socket" : "a device";
}
