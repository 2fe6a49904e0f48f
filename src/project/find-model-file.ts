import { readdir, stat } from "node:fs/promises";
import { dirname, join, posix } from "node:path";
import { AppError } from "../errors.ts";
import type { Config } from "../protocol/config.ts";
import { nearest } from "../util/nearest.ts";

const CODE_FILE = /\.[cm]?[jt]sx?$/;

/** The absolute path of the file that holds the class. Throws AppError MODEL_NOT_FOUND, naming similar files. */
export async function findModelFile(dir: string, config: Config): Promise<string> {
  const relative = posix.join(config.model_module_dir, config.model_class_filename);
  const file = join(dir, relative);
  const found = await stat(file).catch(() => null);
  // Where a disk does not tell Model.ts from model.ts, the package's reader may.
  const names = await readdir(dirname(file)).catch((): string[] => []);
  if (found?.isFile() && names.includes(posix.basename(relative))) return file;
  const similar = await similarFiles(dir, relative);
  const folder = found?.isDirectory() ? " (there is a folder of that name)" : "";
  throw new AppError("MODEL_NOT_FOUND", `There is no ${relative}${folder}.`, {
    location: { file: relative },
    hint:
      similar.length === 0
        ? `Write the model's class there: export class ${config.model_class_name}.`
        : hintFor(similar),
    data: { path: relative, similar },
  });
}

function hintFor(similar: readonly string[]): string {
  const [first = ""] = similar;
  const found = similar.length === 1 ? `There is ${first}` : `There are ${similar.join(", ")}`;
  const moduleDir = posix.dirname(first);
  return `${found}: rename it, or set model_module_dir: ${moduleDir} and model_class_filename: ${posix.basename(first)}.`;
}

/** Code files that may be the one that was meant, from the project folder. */
async function similarFiles(dir: string, relative: string): Promise<string[]> {
  const wanted = posix.basename(relative);
  const stem = wanted.replace(CODE_FILE, "");
  const subfolders = (await readdir(dir, { withFileTypes: true }))
    .filter((entry) => entry.isDirectory() && !/^(\.|node_modules$)/.test(entry.name))
    .map(({ name }) => name);
  const folders = [...new Set([posix.dirname(relative), ".", ...subfolders])];
  const lists = await Promise.all(folders.slice(0, 50).map((folder) => codeFiles(dir, folder)));
  return lists
    .flat()
    .filter((path) => {
      const name = posix.basename(path).replace(CODE_FILE, "");
      return path !== relative && nearest(stem, [name]) !== undefined;
    })
    .slice(0, 5);
}

async function codeFiles(dir: string, folder: string): Promise<string[]> {
  const names = await readdir(join(dir, folder)).catch((): string[] => []);
  return names
    .filter((name) => CODE_FILE.test(name) && !name.endsWith(".d.ts"))
    .map((name) => posix.join(folder, name));
}
