import { AppError } from "../errors.ts";
import { type FileEntry, LAYERS, MANIFEST_SCHEMA, type PackageManifest } from "../protocol/manifest.ts";
import { findPathClash, pathProblem } from "../protocol/package-path.ts";
import { layersOf, packageDigest } from "./digest.ts";

/**
 * A manifest from anywhere: its shape, its paths, and that its digests follow from its list of files.
 * `name` is what the message calls the package. Throws AppError PACKAGE_INVALID.
 */
export function checkManifest(value: unknown, name: string): PackageManifest {
  const fail = (what: string): never => {
    throw new AppError("PACKAGE_INVALID", `${name} is not a valid package: ${what}.`, {
      hint: "Build it again: purlin build",
    });
  };
  const manifest = value as PackageManifest;
  if (typeof value !== "object" || value === null) fail("its manifest is no object");
  if (manifest.schema !== MANIFEST_SCHEMA) {
    fail(`its format is ${String(manifest.schema)}, and this version of Purlin reads ${MANIFEST_SCHEMA}`);
  }
  const texts = [manifest.model_name, manifest.package, manifest.target, manifest.runtime_version];
  if (!texts.every((text) => typeof text === "string"))
    fail("its manifest lacks a name, digest, target or version");
  if (typeof manifest.entry?.module !== "string") fail("its manifest names no entry");
  if (!Array.isArray(manifest.files) || !manifest.files.every(isEntry))
    fail("its list of files is malformed");
  for (const [layer, path] of manifest.files) {
    const problem = pathProblem(path);
    if (problem !== null) fail(`the path ${JSON.stringify(path)} ${problem}`);
    if (!path.startsWith(`${layer}/`)) fail(`${path} is not in its layer ${layer}`);
  }
  const clash = findPathClash(manifest.files.map(([, path]) => path));
  if (clash) fail(`${clash.second} clashes with ${clash.first}`);
  const layers = layersOf(manifest.files);
  const digest = packageDigest({ target: manifest.target, runtimeVersion: manifest.runtime_version, layers });
  if (digest !== manifest.package) fail("its digest does not follow from its files");
  return { ...manifest, layers };
}

function isEntry(entry: unknown): entry is FileEntry {
  if (!Array.isArray(entry) || entry.length !== 5) return false;
  const [layer, path, digest, size, mode] = entry as unknown[];
  return (
    LAYERS.some((name) => name === layer) &&
    typeof path === "string" &&
    typeof digest === "string" &&
    /^sha256:[0-9a-f]{64}$/.test(digest) &&
    Number.isSafeInteger(size) &&
    (size as number) >= 0 &&
    (mode === "644" || mode === "755")
  );
}
