import { readdir, readFile, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { AppError } from "../errors.ts";
import { SourceText } from "./source-text.ts";
import { type ValidConfig, validateConfig } from "./validate-config.ts";

export const CONFIG_FILE = "config.yaml";

/** Nobody writes so much by hand; a greater file was put there by mistake. */
const MOST_BYTES = 1024 ** 2;

export interface LoadedConfig extends ValidConfig {
  /** The file as it was read. */
  text: string;
}

/**
 * Reads and checks `config.yaml` of a project folder (absolute path). Throws AppError CONFIG_NOT_FOUND,
 * CONFIG_INVALID or SECRET_IN_CONFIG.
 */
export async function loadConfig(dir: string): Promise<LoadedConfig> {
  const text = decode(await read(dir));
  return { ...validateConfig(text, { file: CONFIG_FILE, folderName: basename(dir) }), text };
}

async function read(dir: string): Promise<Buffer> {
  const file = join(dir, CONFIG_FILE);
  try {
    const { size } = await stat(file);
    if (size > MOST_BYTES) {
      const message = `${CONFIG_FILE} is ${size} bytes long; at most ${MOST_BYTES} are read.`;
      throw new AppError("CONFIG_INVALID", message, {
        hint: "Put big inputs of examples into files of data/.",
        problems: [{ message: "the file is too long", location: { file: CONFIG_FILE, line: 1, column: 1 } }],
      });
    }
    return await readFile(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR" || code === "EISDIR")
      throw await notFound(dir, { cause: error });
    throw error;
  }
}

async function notFound(dir: string, options: { cause: unknown }): Promise<AppError> {
  const names = await readdir(dir).catch(() => null);
  if (names === null) {
    const hint = "Name the folder that holds config.yaml.";
    return new AppError("CONFIG_NOT_FOUND", `There is no folder ${dir}.`, { ...options, hint });
  }
  const message = `There is no ${CONFIG_FILE} in ${dir}.`;
  const similar = names.find((name) => /^config\.ya?ml$/i.test(name) && name !== CONFIG_FILE);
  const hint = similar
    ? `There is a ${similar}: rename it to ${CONFIG_FILE}.`
    : 'Run "purlin init" to make a project, or name the folder of one.';
  return new AppError("CONFIG_NOT_FOUND", message, { ...options, hint });
}

function decode(bytes: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    // The text up to the first broken character tells where it is.
    const text = bytes.toString("utf8");
    const at = text.indexOf("\uFFFD");
    const { line, column } = new SourceText(CONFIG_FILE, text).location([at, at + 1]);
    throw new AppError("CONFIG_INVALID", `${CONFIG_FILE} has a problem.`, {
      cause,
      problems: [
        {
          message: "the file is not UTF-8 text",
          location: { file: CONFIG_FILE, ...(line && column ? { line, column } : {}) },
          hint: "Save it as UTF-8.",
        },
      ],
    });
  }
}
