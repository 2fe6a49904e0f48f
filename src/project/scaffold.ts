import { copyFile, lstat, mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join, posix } from "node:path";
import { AppError } from "../errors.ts";
import { CONFIG_FILE } from "./load-config.ts";
import { findTemplate, TEMPLATE_FILE } from "./templates.ts";
import { CONFIG_SCHEMA_LINE, writeConfigSchema } from "./write-config-schema.ts";

export interface ScaffoldOptions {
  templatesDir: string;
  /** Name of a template. */
  template: string;
  /** Absolute; made where it is missing. */
  targetDir: string;
  /** A valid model name. */
  name: string;
  /** Text of purlin-env.d.ts: the types of "purlin" for editors. */
  envTypes: string;
}

export interface ScaffoldResult {
  /** Below the target, with `/`, in order; those that were there already included. */
  files: string[];
  /** The template has npm dependencies. */
  needsInstall: boolean;
}

/** What the templates say where the model's name belongs. */
const NAME_MARK = "__MODEL_NAME__";

const ENV_TYPES_FILE = "purlin-env.d.ts";

/** Half-written files lie here; whatever a killed run left is cleared by the next. */
const STAGING = ".purlin/init";

/** Left behind by work on the templates themselves. */
const NOT_OF_A_TEMPLATE = new Set([
  TEMPLATE_FILE,
  "node_modules",
  "package-lock.json",
  ".purlin",
  ENV_TYPES_FILE,
]);

/** Either a text, or a file to copy byte by byte. */
interface PlannedFile {
  path: string;
  text?: string;
  source: string;
}

/**
 * Makes a project out of a template. Files that are there with the same content are left alone, so that a run that
 * was cut off can be repeated. Throws AppError TEMPLATE_UNKNOWN, or FILES_EXIST before anything is written.
 */
export async function scaffold(options: ScaffoldOptions): Promise<ScaffoldResult> {
  const template = await findTemplate(options.templatesDir, options.template);
  const planned = await plan(template.dir, options);
  const missing = await withoutPresent(planned, options.targetDir);

  const staging = join(options.targetDir, STAGING);
  await rm(staging, { recursive: true, force: true });
  await mkdir(staging, { recursive: true });
  for (const file of missing) await put(file, options.targetDir);
  await writeConfigSchema(options.targetDir);
  await rm(staging, { recursive: true, force: true });

  const files = planned.map(({ path }) => path);
  return { files, needsInstall: hasDependencies(planned) };
}

async function plan(templateDir: string, { name, envTypes }: ScaffoldOptions): Promise<PlannedFile[]> {
  const paths = await listFiles(templateDir);
  const planned = await Promise.all(
    paths.map(async (from): Promise<PlannedFile> => {
      const source = join(templateDir, from);
      const path = targetPath(from);
      // What lies in data/ is the model's own, to the byte.
      const text = path.startsWith("data/") ? null : await readText(source);
      if (text === null) return { path, source };
      const named = text.replaceAll(NAME_MARK, name);
      return { path, source, text: path === CONFIG_FILE ? withSchemaLine(named) : named };
    }),
  );
  planned.push({ path: ENV_TYPES_FILE, source: "", text: envTypes });
  return planned.sort((left, right) => (left.path < right.path ? -1 : 1));
}

async function listFiles(dir: string, prefix = ""): Promise<string[]> {
  const entries = await readdir(join(dir, prefix), { withFileTypes: true });
  const lists = await Promise.all(
    entries
      .filter(({ name }) => prefix !== "" || !NOT_OF_A_TEMPLATE.has(name))
      .map((entry) => {
        const path = posix.join(prefix, entry.name);
        return entry.isDirectory() ? listFiles(dir, path) : [path];
      }),
  );
  return lists.flat();
}

/** npm packs no .gitignore: templates carry it as _gitignore. */
function targetPath(path: string): string {
  return posix.join(posix.dirname(path), posix.basename(path).replace(/^_/, "."));
}

/** Null where it is no text. */
async function readText(file: string): Promise<string | null> {
  const bytes = await readFile(file);
  const text = bytes.toString("utf8");
  return text.includes("\0") || !Buffer.from(text).equals(bytes) ? null : text;
}

function withSchemaLine(text: string): string {
  return text.startsWith("# yaml-language-server:") ? text : `${CONFIG_SCHEMA_LINE}\n${text}`;
}

/** Throws AppError FILES_EXIST with every file that is in the way. */
async function withoutPresent(planned: readonly PlannedFile[], targetDir: string): Promise<PlannedFile[]> {
  const missing: PlannedFile[] = [];
  const inTheWay = new Set<string>();
  const blocked = await blockingFolder(targetDir);
  if (blocked !== null) throw filesExist([blocked]);
  const staged = await findObstacle({ path: `${STAGING}/file`, source: "", text: "" }, targetDir);
  // A file that a killed run left there is cleared away; a file in place of the folder is not ours to touch.
  if (staged === ".purlin") inTheWay.add(staged);
  for (const file of planned) {
    const obstacle = await findObstacle(file, targetDir);
    if (obstacle === "same") continue;
    if (obstacle === null) missing.push(file);
    else inTheWay.add(obstacle);
  }
  if (inTheWay.size > 0) throw filesExist([...inTheWay]);
  return missing;
}

/** The target itself, where it is a file. */
async function blockingFolder(targetDir: string): Promise<string | null> {
  const found = await stat(targetDir).catch(() => null);
  return found && !found.isDirectory() ? targetDir : null;
}

/** What keeps a file from being written: a path, "same" where it is there already, or null. */
async function findObstacle(file: PlannedFile, targetDir: string): Promise<string | null> {
  const steps = file.path.split("/");
  for (let count = 1; count < steps.length; count += 1) {
    const folder = steps.slice(0, count).join("/");
    const found = await stat(join(targetDir, folder)).catch(() => null);
    if (found && !found.isDirectory()) return folder;
  }
  const path = join(targetDir, file.path);
  // Of a link that leads nowhere too: what is written would take its place.
  const found = await lstat(path).catch(() => null);
  if (!found) return null;
  const target = await stat(path).catch(() => null);
  if (!target?.isFile()) return file.path;
  const wanted = file.text === undefined ? await readFile(file.source) : Buffer.from(file.text);
  return wanted.length === target.size && wanted.equals(await readFile(path)) ? "same" : file.path;
}

function filesExist(files: string[]): AppError {
  const count = files.length === 1 ? "A file is" : `${files.length} files are`;
  return new AppError("FILES_EXIST", `${count} in the way, and would be overwritten.`, {
    problems: files.map((file) => ({ message: "exists with another content", location: { file } })),
    hint: "Move them away, or choose another folder: purlin init DIR.",
    data: { files },
  });
}

/** Whole or not at all. */
async function put(file: PlannedFile, targetDir: string): Promise<void> {
  const fresh = join(targetDir, STAGING, "file");
  const path = join(targetDir, file.path);
  if (file.text === undefined) await copyFile(file.source, fresh);
  else await writeFile(fresh, file.text);
  await mkdir(dirname(path), { recursive: true });
  await rename(fresh, path);
}

function hasDependencies(planned: readonly PlannedFile[]): boolean {
  const text = planned.find(({ path }) => path === "package.json")?.text;
  if (text === undefined) return false;
  const { dependencies = {} } = JSON.parse(text) as { dependencies?: Record<string, string> };
  return Object.keys(dependencies).length > 0;
}
