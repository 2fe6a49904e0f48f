import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/** The file is on the disk, whole, under its name, or it is not there at all. `through` lies on the same disk. */
export function writeFileSafely(
  path: string,
  contents: string | Uint8Array,
  through: string,
  mode: number,
): void {
  try {
    const handle = openSync(through, "wx", mode);
    try {
      writeFileSync(handle, contents);
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
    renameSync(through, path);
  } catch (error) {
    rmSync(through, { force: true });
    throw error;
  }
  syncFolder(dirname(path));
}

/** A new name is lost with the power unless its folder is on the disk, too. */
export function syncFolder(dir: string): void {
  const handle = openSync(dir, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
