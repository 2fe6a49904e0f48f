import { HostError } from "../host-error.ts";

/** A full disk is the caller's to know; anything else is passed on as it is. */
export function storageError(error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code !== "ENOSPC" && code !== "EDQUOT") return error;
  return new HostError("STORAGE_FULL", "There is no room left on the host's disk.", {
    hint: "Delete deployments that are not needed, or give the host a larger disk; then push again.",
  });
}
