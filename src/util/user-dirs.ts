import { homedir } from "node:os";
import { join } from "node:path";

/** The per-user folder for what is set up once: remotes, keys; PURLIN_HOME moves it. */
export function userConfigDir(env: NodeJS.ProcessEnv): string {
  const { PURLIN_HOME: own, XDG_CONFIG_HOME: xdg } = env;
  if (own) return own;
  if (xdg) return join(xdg, "purlin");
  return process.platform === "darwin"
    ? join(homedir(), "Library", "Application Support", "purlin")
    : join(homedir(), ".config", "purlin");
}

/** The per-user folder for what must not be lost: the data of a host; PURLIN_HOME moves it. */
export function userDataDir(env: NodeJS.ProcessEnv): string {
  const { PURLIN_HOME: own, XDG_DATA_HOME: xdg } = env;
  if (own) return join(own, "data");
  if (xdg) return join(xdg, "purlin");
  return process.platform === "darwin"
    ? join(homedir(), "Library", "Application Support", "purlin", "data")
    : join(homedir(), ".local", "share", "purlin");
}
