import { join } from "node:path";
import { AppError } from "../errors.ts";
import { userConfigDir } from "../util/user-dirs.ts";
import { readPrivateFile, writePrivateFile } from "./private-file.ts";

export interface Remote {
  url: string;
  key: string | null;
}

export interface RemotesFile {
  /** The one that is meant where none is named. */
  current: string | null;
  remotes: Record<string, Remote>;
}

/** Throws AppError REMOTE_INVALID. */
export function readRemotes(env: NodeJS.ProcessEnv): RemotesFile {
  const path = pathOf(env);
  const text = readPrivateFile(path);
  if (text === null) return { current: null, remotes: {} };
  try {
    return JSON.parse(text) as RemotesFile;
  } catch (error) {
    throw new AppError("REMOTE_INVALID", `${path} is damaged.`, {
      hint: "Remove it and add the remotes again: purlin remote add NAME URL",
      cause: error,
    });
  }
}

export function writeRemotes(env: NodeJS.ProcessEnv, file: RemotesFile): void {
  writePrivateFile(pathOf(env), `${JSON.stringify(file, null, 2)}\n`);
}

const pathOf = (env: NodeJS.ProcessEnv): string => join(userConfigDir(env), "remotes.json");
