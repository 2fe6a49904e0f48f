import { statfsSync } from "node:fs";
import { HostError } from "../host-error.ts";

/** Kept for the database: a host that cannot write down what it does can do nothing. */
const RESERVE_BYTES = 8 * 1024 * 1024;

/** Throws HostError STORAGE_FULL where `bytes` more would leave no room to work in. */
export function requireRoom(dir: string, bytes: number): void {
  const { bavail, bsize } = statfsSync(dir);
  const free = bavail * bsize;
  if (bytes + RESERVE_BYTES <= free) return;
  throw storageFull({ need: bytes, free: Math.max(0, free - RESERVE_BYTES) });
}

export function storageFull(details?: { need: number; free: number }): HostError {
  return new HostError("STORAGE_FULL", "There is no room left on the host's disk.", {
    hint: "Delete deployments that are not needed, or give the host a larger disk; then push again.",
    ...(details === undefined ? {} : { details }),
  });
}
