import { AppError, type Problem } from "../../errors.ts";

/** Files come and go while they are read: whatever one build meets, what is live goes on and the next save counts. */
export function unexpected(error: unknown): AppError {
  const message = error instanceof Error ? error.message : String(error);
  return new AppError("BUILD_FAILED", `The save could not be built: ${message}`, { cause: error });
}

/** An error with what it is made of, as a list. */
export function problemsOf(error: AppError): Problem[] {
  const own: Problem = {
    message: error.message,
    ...(error.location === undefined ? {} : { location: error.location }),
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  };
  return [own, ...error.problems];
}
