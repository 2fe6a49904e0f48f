import { statfs } from "node:fs/promises";
import { type Check, fail, ok, warn } from "./check.ts";

const MIB = 1024 * 1024;

/** A package with a native runtime and weights takes hundreds of megabytes. */
export async function checkDiskSpace(folder: string): Promise<Check> {
  const { bavail, bsize } = await statfs(folder);
  const free = Math.floor((bavail * bsize) / MIB);
  const detail = `${free} MiB free in ${folder}`;
  if (free >= 1024) return ok("disk-space", detail);
  const hint = "Free some room: packages with weights take hundreds of megabytes.";
  return free >= 50 ? warn("disk-space", detail, hint) : fail("disk-space", detail, hint);
}
