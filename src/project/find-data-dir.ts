import { realpath, stat } from "node:fs/promises";
import { isAbsolute, join, relative, sep } from "node:path";
import { AppError, type SourceLocation } from "../errors.ts";
import type { Config } from "../protocol/config.ts";

export interface DataDirPlace {
  /** Where config.yaml names the folder; null where it does not. */
  location: SourceLocation | null;
}

/**
 * The absolute path of the data folder, or null where config.yaml names none and there is none.
 * `dir` has its links resolved. Throws AppError CONFIG_INVALID or LINK_OUTSIDE.
 */
export async function findDataDir(dir: string, config: Config, place: DataDirPlace): Promise<string | null> {
  const path = join(dir, config.data_dir);
  const found = await stat(path).catch(() => null);
  if (!found && place.location === null) return null;
  if (!found?.isDirectory()) {
    const message = `\`data_dir\` names ${config.data_dir}, which is ${found ? "a file" : "not there"}`;
    const location = place.location ?? { file: config.data_dir };
    throw new AppError("CONFIG_INVALID", "config.yaml has a problem.", {
      problems: [{ message, location, hint: "Make the folder, or name another one." }],
    });
  }
  const real = await realpath(path);
  const below = relative(dir, real);
  if (below === "" || below === ".." || below.startsWith(`..${sep}`) || isAbsolute(below)) {
    throw new AppError("LINK_OUTSIDE", `The data folder ${config.data_dir} is a link out of the project.`, {
      location: place.location ?? { file: config.data_dir },
      hint: "Move the folder into the project; only what lies there is packed.",
    });
  }
  return real;
}
