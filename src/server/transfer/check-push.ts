import { isAppError } from "../../errors.ts";
import { checkManifest } from "../../pack/check-manifest.ts";
import type { PackageManifest } from "../../protocol/manifest.ts";
import type { TransferLimits } from "../../protocol/transfer.ts";
import { HostError } from "../host-error.ts";

export interface PushRules {
  /** The model that the path of the request names. */
  model: string;
  /** What runs on this host. */
  target: string;
  limits: TransferLimits;
}

/** A manifest from the net: every path, every digest and every limit, before anything is written. */
export function checkPush(value: unknown, { model, target, limits }: PushRules): PackageManifest {
  const manifest = checked(value);
  if (manifest.model_name !== model) {
    throw new HostError("MANIFEST_MISMATCH", `The package is of ${manifest.model_name}, not of ${model}.`);
  }
  if (manifest.target !== target) {
    throw new HostError("WRONG_TARGET", `The package is for ${manifest.target}; this host runs ${target}.`, {
      hint: `Build it for this host: purlin build --target ${target}`,
    });
  }
  if (manifest.files.length > limits.package_files) {
    throw new HostError(
      "TOO_MANY_FILES",
      `The package has ${manifest.files.length} files; ${limits.package_files} are allowed.`,
      { hint: "Put small files into an archive that the model reads." },
    );
  }
  let total = 0;
  for (const [, path, , size] of manifest.files) {
    if (size > limits.file_bytes) {
      throw new HostError("FILE_TOO_LARGE", `${path} has ${size} bytes; ${limits.file_bytes} are allowed.`);
    }
    total += size;
  }
  if (total > limits.package_bytes) {
    throw new HostError(
      "PACKAGE_TOO_LARGE",
      `The package has ${total} bytes; ${limits.package_bytes} are allowed.`,
    );
  }
  return manifest;
}

function checked(value: unknown): PackageManifest {
  try {
    return checkManifest(value, "What was sent");
  } catch (error) {
    if (!isAppError(error)) throw error;
    const code =
      error.message.includes("the path ") || error.message.includes(" clashes with ")
        ? "BAD_PATH"
        : "BAD_MANIFEST";
    throw new HostError(code, error.message, { hint: "Build the package again and push that one." });
  }
}
