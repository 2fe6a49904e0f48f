import { readFile } from "node:fs/promises";
import { type Check, ok, warn } from "./check.ts";

const LEAST_WATCHES = 8192;
const LEAST_INSTANCES = 16;

/** Linux bounds the files and watchers of a user; other systems have no such limits. */
export async function checkWatchLimits(folder = "/proc/sys/fs/inotify"): Promise<Check> {
  const watches = await readNumber(`${folder}/max_user_watches`);
  const instances = await readNumber(`${folder}/max_user_instances`);
  if (watches === null || instances === null) return ok("watch-limits", "this system has none");
  const detail = `${watches} watches, ${instances} watchers`;
  if (watches >= LEAST_WATCHES && instances >= LEAST_INSTANCES) return ok("watch-limits", detail);
  return warn(
    "watch-limits",
    `Few file watches are allowed: ${detail}.`,
    "sudo sysctl fs.inotify.max_user_watches=524288 fs.inotify.max_user_instances=512",
  );
}

async function readNumber(path: string): Promise<number | null> {
  try {
    return Number((await readFile(path, "utf8")).trim());
  } catch {
    return null;
  }
}
