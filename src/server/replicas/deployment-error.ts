import { isAppError } from "../../errors.ts";
import type { DeploymentError } from "../../protocol/host-api.ts";

/** What the timeline and the pusher are told; the model's own words where it has said something. */
export function asDeploymentError(error: unknown, stage: DeploymentError["stage"]): DeploymentError {
  if (!isAppError(error)) {
    return { stage, code: "RUNTIME_FAILED", message: error instanceof Error ? error.message : String(error) };
  }
  const stack = error.problems[0]?.message;
  return { stage, code: error.code, message: error.message, ...(stack === undefined ? {} : { stack }) };
}
