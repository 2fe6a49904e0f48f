import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { AppError } from "../errors.ts";
import { MANIFEST_FILE } from "../protocol/manifest.ts";
import { isAlive } from "../util/is-alive.ts";

const ATTEMPTS = 20;

/**
 * A folder beside `place` to build in, moved to `place` at the end. What a build killed half-way left there is
 * removed. Throws AppError NOT_WRITABLE, or FILES_EXIST where something else than a package is in the way.
 */
export function makeStaging(place: string): string {
  if (existsSync(place) && !existsSync(join(place, MANIFEST_FILE)) && !isEmptyFolder(place)) {
    throw new AppError("FILES_EXIST", `${place} is there already and is not a package.`, {
      hint: "Name another folder with --output, or remove that one.",
    });
  }
  const parent = dirname(place);
  try {
    mkdirSync(parent, { recursive: true });
    removeLeftovers(parent, basename(place));
    const staging = join(parent, `.${basename(place)}.new-${process.pid}-${randomBytes(4).toString("hex")}`);
    mkdirSync(staging);
    return staging;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // ENOENT is what Node makes of a read-only disk when folders above are missing too.
    if (!["EACCES", "EROFS", "EPERM", "ENOTDIR", "EEXIST", "ENOENT"].includes(code ?? "")) throw error;
    throw new AppError("NOT_WRITABLE", `Nothing can be written in ${parent}.`, {
      hint: "Check its owner and permissions, or name another folder with --output.",
      cause: error,
    });
  }
}

/** Whoever looks sees the package before or the package after; of two builds at once, the later one stays. */
export function putInPlace(staging: string, place: string): void {
  for (let attempt = 1; ; attempt++) {
    const old = join(
      dirname(place),
      `.${basename(place)}.old-${process.pid}-${randomBytes(4).toString("hex")}`,
    );
    try {
      renameSync(place, old);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
    try {
      renameSync(staging, place);
      rmSync(old, { recursive: true, force: true });
      return;
    } catch (error) {
      // Another build put its own there between the two moves.
      const { code } = error as NodeJS.ErrnoException;
      if ((code !== "ENOTEMPTY" && code !== "EEXIST") || attempt === ATTEMPTS) throw error;
      rmSync(old, { recursive: true, force: true });
    }
  }
}

function removeLeftovers(parent: string, name: string): void {
  for (const entry of readdirSync(parent)) {
    const left = /^\.(.+)\.(?:new|old)-(\d+)-[0-9a-f]{8}$/.exec(entry);
    if (left?.[1] === name && !isAlive(Number(left[2]))) {
      rmSync(join(parent, entry), { recursive: true, force: true });
    }
  }
}

function isEmptyFolder(path: string): boolean {
  try {
    return readdirSync(path).length === 0;
  } catch {
    return false;
  }
}
