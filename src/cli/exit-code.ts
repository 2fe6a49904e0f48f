import { constants } from "node:os";
import { CancelledError, isAppError } from "../errors.ts";

/** 1: the user or the environment must act; 2: wrong usage; 70: our bug; 128+n: stopped by signal n. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof CancelledError) return 128 + (constants.signals[error.signal] ?? 2);
  if (!isAppError(error)) return 70;
  return error.code === "USAGE" || error.code === "INPUT_INVALID" ? 2 : 1;
}
