import { parseTarget, TARGETS } from "../../protocol/target.ts";
import { hostTargetName } from "../../util/host-target.ts";
import { type Check, ok, warn } from "./check.ts";

export function checkPlatform(name = hostTargetName()): Check {
  if (parseTarget(name) !== null) return ok("platform", name);
  return warn(
    "platform",
    `${name} is not one of the machines that packages are made for: ${TARGETS.join(", ")}.`,
    "Build for the machine that will run the model: purlin build --target linux-x64",
  );
}
