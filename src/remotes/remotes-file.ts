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
  remotes: Map<string, Remote>;
}

/** Throws AppError REMOTE_INVALID. */
export function readRemotes(env: NodeJS.ProcessEnv): RemotesFile {
  const path = pathOf(env);
  const text = readPrivateFile(path);
  if (text === null) return { current: null, remotes: new Map() };
  try {
    const { current, remotes } = JSON.parse(text) as { current: unknown; remotes: object };
    const entries = Object.entries(remotes);
    if (!entries.every(([, remote]) => isRemote(remote))) throw new TypeError("an entry is no remote");
    return { current: typeof current === "string" ? current : null, remotes: new Map(entries) };
  } catch (error) {
    throw new AppError("REMOTE_INVALID", `${path} is damaged.`, {
      hint: "Remove it and add the remotes again: purlin remote add NAME URL",
      cause: error,
    });
  }
}

export function writeRemotes(env: NodeJS.ProcessEnv, { current, remotes }: RemotesFile): void {
  const text = JSON.stringify({ current, remotes: Object.fromEntries(remotes) }, null, 2);
  writePrivateFile(pathOf(env), `${text}\n`);
}

function isRemote(value: unknown): value is Remote {
  if (typeof value !== "object" || value === null) return false;
  const { url, key } = value as Partial<Remote>;
  return typeof url === "string" && (key === null || typeof key === "string");
}

const pathOf = (env: NodeJS.ProcessEnv): string => join(userConfigDir(env), "remotes.json");
