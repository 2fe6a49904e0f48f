import { AppError } from "../../errors.ts";
import { hostTargetName } from "../../util/host-target.ts";

/** Throws AppError WRONG_PLATFORM for a package that this machine cannot start. */
export function refuseForeign(targetName: string): void {
  if (targetName === hostTargetName()) return;
  throw new AppError("WRONG_PLATFORM", `A package for ${targetName} cannot be started on this machine.`, {
    hint: "Leave --verify out, or build for this machine.",
  });
}
