import { isAppError } from "../../errors.ts";
import { checkManifest } from "../../pack/check-manifest.ts";
import type { Digest, PackageManifest } from "../../protocol/manifest.ts";
import { findPathClash, pathProblem } from "../../protocol/package-path.ts";
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
  const files = entriesOf(value);
  for (const path of files) {
    const reason = pathProblem(path);
    if (reason !== null) throw badPath({ path, reason });
  }
  const clash = findPathClash(files);
  if (clash !== null) throw badPath({ path: clash.second, reason: `clashes with ${clash.first}` });
  try {
    const manifest = checkManifest(value, "What was sent");
    checkEntry(manifest);
    checkSizes(manifest);
    return manifest;
  } catch (error) {
    if (!isAppError(error)) throw error;
    throw badManifest(error.message);
  }
}

/** What is no list of files is told by checkManifest, in its words. */
function entriesOf(value: unknown): string[] {
  const files = (value as { files?: unknown } | null)?.files;
  if (!Array.isArray(files)) return [];
  return files.flatMap((entry: unknown) =>
    Array.isArray(entry) && typeof entry[1] === "string" ? [entry[1]] : [],
  );
}

function checkEntry({ entry, files }: PackageManifest): void {
  if (!files.some(([layer, path]) => layer === "code" && path === entry.module)) {
    throw badManifest(`Its entry ${JSON.stringify(entry.module)} is none of its files of code.`);
  }
}

function checkSizes({ files }: PackageManifest): void {
  const sizes = new Map<Digest, number>();
  for (const [, path, digest, size] of files) {
    const other = sizes.get(digest);
    if (other !== undefined && other !== size) {
      throw badManifest(`${path} has ${size} bytes, and another file of the same digest has ${other}.`);
    }
    sizes.set(digest, size);
  }
}

function badPath(details: { path: string; reason: string }): HostError {
  const { path, reason } = details;
  return new HostError("BAD_PATH", `The path ${JSON.stringify(path)} ${reason}.`, {
    hint: "Rename the file, build the package again and push that one.",
    details,
  });
}

function badManifest(message: string): HostError {
  return new HostError("BAD_MANIFEST", message, { hint: "Build the package again and push that one." });
}
