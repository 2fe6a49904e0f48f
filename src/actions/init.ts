import { basename, relative, resolve } from "node:path";
import { AppError } from "../errors.ts";
import { MODEL_NAME, MODEL_NAME_RULE, toModelName } from "../project/model-name.ts";
import { scaffold } from "../project/scaffold.ts";
import { listTemplates } from "../project/templates.ts";

export const DEFAULT_TEMPLATE = "minimal";

export interface InitOptions {
  /** Absolute; paths in `next_steps` are from here. */
  cwd: string;
  /** As typed: ".", "my-model", an absolute path. */
  targetDir: string;
  template?: string;
  /** The folder's name made valid where absent. */
  name?: string;
  templatesDir: string;
  /** Text of purlin-env.d.ts: the types of "purlin" for editors. */
  envTypes: string;
}

export interface InitResult {
  /** Absolute. */
  dir: string;
  template: string;
  model_name: string;
  /** From `dir`, with `/`. */
  files: string[];
  /** Commands to type, in order. */
  next_steps: string[];
}

/** Makes a project out of a template. Throws AppError NAME_INVALID, TEMPLATE_UNKNOWN or FILES_EXIST. */
export async function init(options: InitOptions): Promise<InitResult> {
  const { cwd, template = DEFAULT_TEMPLATE, templatesDir, envTypes } = options;
  const dir = resolve(cwd, options.targetDir);
  const name = checkName(options.name ?? toModelName(basename(dir)));
  const { files, needsInstall } = await scaffold({ templatesDir, template, targetDir: dir, name, envTypes });
  const path = relative(cwd, dir);
  const next_steps = [
    ...(path === "" ? [] : [`cd ${quoted(path)}`]),
    ...(needsInstall ? ["npm install"] : []),
    "purlin serve",
  ];
  return { dir, template, model_name: name, files, next_steps };
}

/** For `init --list`. */
export async function initTemplates(templatesDir: string): Promise<{ name: string; description: string }[]> {
  const templates = await listTemplates(templatesDir);
  return templates.map(({ name, description }) => ({ name, description }));
}

function checkName(name: string): string {
  if (MODEL_NAME.test(name)) return name;
  throw new AppError(
    "NAME_INVALID",
    `${JSON.stringify(name)} is no name for a model: it takes ${MODEL_NAME_RULE}.`,
    {
      hint: `Try --name ${toModelName(name)}.`,
    },
  );
}

/** For a POSIX shell, where it would not be one word. */
function quoted(path: string): string {
  return /^[\w./@%+=:,-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
