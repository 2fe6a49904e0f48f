import { chmod, readFile, realpath, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "../errors.ts";
import { CONFIG_FILE } from "./load-config.ts";

/**
 * Puts another text in the place of config.yaml's, whole or not at all; a link stays one. Throws AppError
 * FILE_CHANGED where somebody has changed the file since it was read, NOT_WRITABLE where it cannot be written.
 */
export async function writeConfig(
  dir: string,
  { before, after }: { before: string; after: string },
): Promise<void> {
  const file = await realpath(join(dir, CONFIG_FILE));
  if ((await readFile(file, "utf8")) !== before) {
    throw new AppError("FILE_CHANGED", `${CONFIG_FILE} was changed meanwhile; nothing was written.`, {
      hint: "Run it again.",
    });
  }
  const fresh = `${file}.${process.pid}`;
  try {
    await writeFile(fresh, after);
    await chmod(fresh, (await stat(file)).mode & 0o777);
    await rename(fresh, file);
  } catch (error) {
    await rm(fresh, { force: true });
    throw new AppError("NOT_WRITABLE", `${file} cannot be written: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
