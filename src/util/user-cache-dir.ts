import { homedir } from "node:os";
import { join } from "node:path";

/** The per-user folder for what can be made or fetched again; PURLIN_HOME moves it. */
export function userCacheDir(env: NodeJS.ProcessEnv): string {
  const { PURLIN_HOME: own, XDG_CACHE_HOME: xdg } = env;
  if (own) return join(own, "cache");
  if (xdg) return join(xdg, "purlin");
  return process.platform === "darwin"
    ? join(homedir(), "Library", "Caches", "purlin")
    : join(homedir(), ".cache", "purlin");
}
