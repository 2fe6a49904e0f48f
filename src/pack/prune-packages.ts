import { readdirSync, rmSync, statSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { isAlive } from "../util/is-alive.ts";

/** Fetched packages that no build has asked for so long are fetched again when one does. */
const UNUSED_MS = 30 * 24 * 60 * 60 * 1000;
/** What a fetch that was killed has left: "linux-arm64-<key>.<pid>-<random>". */
const HALF_MADE = /\.(\d+)-[0-9a-f]{8}$/;

/** Says that a folder of fetched packages has been used now. */
export function markUsed(place: string): void {
  const now = new Date();
  try {
    utimesSync(place, now, now);
  } catch {
    // A read-only cache is used all the same.
  }
}

/** Removes what nobody uses from the folder that holds all fetched packages. What cannot be removed stays. */
export function prunePackages(parent: string, now = Date.now()): void {
  for (const name of readdirSync(parent)) {
    const folder = join(parent, name);
    const maker = HALF_MADE.exec(name)?.[1];
    try {
      const isStale =
        maker === undefined ? now - statSync(folder).mtimeMs > UNUSED_MS : !isAlive(Number(maker));
      if (isStale) rmSync(folder, { recursive: true, force: true });
    } catch {
      // Another build is at it.
    }
  }
}
