import { storageFull } from "./free-space.ts";

/** A full disk is the caller's to know, whoever met it; anything else is passed on as it is. */
export function storageError(error: unknown): unknown {
  const { code } = error as { code?: string };
  return code === "ENOSPC" || code === "EDQUOT" || code === "SQLITE_FULL" ? storageFull() : error;
}
