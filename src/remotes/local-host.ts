import { rmSync } from "node:fs";
import { join } from "node:path";
import type { LocalHostFile } from "../protocol/host-api.ts";
import { userConfigDir } from "../util/user-dirs.ts";
import { readPrivateFile, writePrivateFile } from "./private-file.ts";
import { isAlive } from "../util/is-alive.ts";

/** What a host leaves for the command line of the same user, so that it is found without any set-up. */
export function writeLocalHost(env: NodeJS.ProcessEnv, host: LocalHostFile): void {
  writePrivateFile(pathOf(env), `${JSON.stringify(host)}\n`);
}

/** Null where none runs; what a killed one has left counts for nothing. */
export function readLocalHost(env: NodeJS.ProcessEnv): LocalHostFile | null {
  const text = readPrivateFile(pathOf(env));
  if (text === null) return null;
  try {
    const host = JSON.parse(text) as LocalHostFile;
    return isAlive(host.pid) ? host : null;
  } catch {
    return null;
  }
}

/** Only its own: another host may have been started meanwhile. */
export function removeLocalHost(env: NodeJS.ProcessEnv): void {
  if (readLocalHost(env)?.pid === process.pid) rmSync(pathOf(env), { force: true });
}

/** The admin key that a host has made for itself; null before the first start. */
export function readHostKey(env: NodeJS.ProcessEnv): string | null {
  return readPrivateFile(keyPathOf(env))?.trim() ?? null;
}

export function writeHostKey(env: NodeJS.ProcessEnv, key: string): void {
  writePrivateFile(keyPathOf(env), `${key}\n`);
}

const pathOf = (env: NodeJS.ProcessEnv): string => join(userConfigDir(env), "host.json");
const keyPathOf = (env: NodeJS.ProcessEnv): string => join(userConfigDir(env), "host-admin.key");
