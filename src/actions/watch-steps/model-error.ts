import { AppError } from "../../errors.ts";
import type { DeploymentError } from "../../protocol/host-api.ts";
import { firstPlace } from "../../util/first-place.ts";

/** Why a change is not live, as if it had been loaded here: with the place in the user's own files. */
export function modelError({ message, stack }: DeploymentError): AppError {
  const location = stack === undefined ? undefined : firstPlace(stack);
  return new AppError("LOAD_FAILED", message, {
    ...(location === undefined ? {} : { location }),
    problems: stack === undefined ? [] : [{ message: stack }],
  });
}
