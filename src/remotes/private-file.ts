import { chmodSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { AppError } from "../errors.ts";
import { makeFolder } from "../util/make-folder.ts";

/** Whole or not at all, and for this user alone. */
export function writePrivateFile(path: string, text: string): void {
  const fresh = `${path}.${process.pid}`;
  try {
    makeFolder(dirname(path), 0o700);
    writeFileSync(fresh, text, { mode: 0o600 });
    chmodSync(fresh, 0o600);
    renameSync(fresh, path);
  } catch (error) {
    rmSync(fresh, { force: true });
    throw new AppError("NOT_WRITABLE", `${path} cannot be written: ${(error as Error).message}`, {
      hint: "PURLIN_HOME names another per-user folder.",
      cause: error,
    });
  }
}

/** Null where there is none. Throws AppError REMOTE_INVALID where others can read what is secret in it. */
export function readPrivateFile(path: string): string | null {
  try {
    if ((statSync(path).mode & 0o077) !== 0) {
      throw new AppError("REMOTE_INVALID", `${path} holds keys and can be read by others.`, {
        hint: `Take that away: chmod 600 ${path}`,
      });
    }
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}
