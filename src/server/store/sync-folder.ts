import { closeSync, fsyncSync, openSync } from "node:fs";

/** A new name is lost with the power unless its folder is on the disk, too. */
export function syncFolder(dir: string): void {
  const handle = openSync(dir, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
