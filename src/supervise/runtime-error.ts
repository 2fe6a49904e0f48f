import { AppError } from "../errors.ts";
import { FOREIGN_ADDON_HINT } from "../protocol/addons.ts";
import { firstPlace } from "../util/first-place.ts";
import type { RuntimeOptions } from "./running-runtime.ts";

/** What a runtime said of its failure, as an error for people: one clear line and what to do. */
export function runtimeError(
  failure: { error: string; stack?: string; reason: string },
  listen: RuntimeOptions["listen"],
): AppError {
  const { error, reason } = failure;
  if (reason === "listen:EADDRINUSE") {
    const hint = "socket" in listen ? undefined : `Choose another with --port, or --port 0 for a free one.`;
    return new AppError("PORT_IN_USE", error, hint === undefined ? {} : { hint });
  }
  if (reason.startsWith("listen:")) {
    return new AppError("HOST_INVALID", error, { hint: "Use --host 127.0.0.1 for this machine only." });
  }
  if (reason === "addon") return new AppError("WRONG_NODE", `${error}.`, { hint: FOREIGN_ADDON_HINT });
  const location = failure.stack === undefined ? undefined : firstPlace(failure.stack);
  const stage = STAGES[reason] ?? "The model could not be loaded";
  const problems = failure.stack === undefined ? [] : [{ message: failure.stack.trim() }];
  return new AppError("LOAD_FAILED", `${stage}: ${error}`, {
    ...(location === undefined ? {} : { location }),
    problems,
  });
}

const STAGES: Record<string, string> = {
  import: "The model's code could not be imported",
  definition: "The model class is not valid",
  constructor: "The model's constructor failed",
  load: "The model's load failed",
  example: "The model did not pass its examples",
  timeout: "The model did not load in time",
  exit: "The model process ended while it loaded",
  swap: "The new methods could not be put in place",
};
