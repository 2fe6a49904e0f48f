import { MODEL_NAME } from "../../project/model-name.ts";
import type { ApiCall } from "../api/route.ts";
import { HostError } from "../host-error.ts";

/** The model that a path names. Decoded, it could hold anything; it becomes the name of a folder. */
export function modelOf(call: ApiCall): string {
  const name = call.params["model"] as string;
  if (MODEL_NAME.test(name)) return name;
  throw new HostError("BAD_REQUEST", `${JSON.stringify(name)} is no name of a model.`, {
    hint: "Lower-case letters, digits and -, at most 63.",
  });
}
