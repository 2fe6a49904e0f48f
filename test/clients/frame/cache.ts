// What the suite installs stays outside of the repository, one folder a set of pins.
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, open, readFile, rm, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { isAlive } from "../../helpers/is-alive.ts";
import { until } from "../../helpers/until.ts";

const READY = ".ready";

function cacheRoot(env: NodeJS.ProcessEnv = process.env): string {
  if (env["PURLIN_CLIENTS_CACHE"]) return env["PURLIN_CLIENTS_CACHE"];
  const base = env["XDG_CACHE_HOME"] || (env["HOME"] ? join(homedir(), ".cache") : tmpdir());
  return join(base, "purlin-clients");
}

/**
 * The folder `name` for these pins: made once, by one process at a time, and taken as it is from then on.
 * A folder whose making was cut short has no mark and is made anew.
 */
export async function cached(
  name: string,
  pins: unknown,
  make: (dir: string) => Promise<void>,
): Promise<string> {
  const platform = `${process.platform}-${process.arch}`;
  const key = createHash("sha256")
    .update(JSON.stringify([pins, platform]))
    .digest("hex")
    .slice(0, 12);
  const dir = join(cacheRoot(), `${name}-${key}`);
  if (existsSync(join(dir, READY))) return dir;
  await mkdir(cacheRoot(), { recursive: true });
  const unlock = await lock(`${dir}.lock`);
  try {
    if (existsSync(join(dir, READY))) return dir;
    await rm(dir, { recursive: true, force: true });
    await mkdir(dir, { recursive: true });
    await make(dir);
    await writeFile(join(dir, READY), "");
    return dir;
  } finally {
    await unlock();
  }
}

/** A lock file with the holder's process id; the lock of a process that has ended is taken over. */
async function lock(file: string): Promise<() => Promise<void>> {
  await until(
    async () => {
      try {
        const handle = await open(file, "wx");
        await handle.writeFile(String(process.pid));
        await handle.close();
        return true;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
        const holder = Number(await readFile(file, "utf8"));
        if (holder > 0 && !isAlive(holder)) await rm(file, { force: true });
        return false;
      }
    },
    { timeout: 30 * 60_000, interval: 500, what: `the lock ${file}` },
  );
  return () => rm(file, { force: true });
}
