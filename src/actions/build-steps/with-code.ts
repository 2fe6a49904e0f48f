import type { ModelBundle } from "../../bundle/model-bundle.ts";
import { sha256 } from "../../pack/digest.ts";
import { manifestOf } from "../../pack/pack-package.ts";
import type { FileEntry, PackageManifest } from "../../protocol/manifest.ts";

/** The manifest of the package that has this code in place of its own. */
export function withCode(manifest: PackageManifest, bundle: ModelBundle): PackageManifest {
  const code = bundle.files.map(({ path, contents }): FileEntry => [
    "code",
    `code/${path}`,
    sha256(contents),
    contents.byteLength,
    "644",
  ]);
  const rest = manifest.files.filter(([layer]) => layer !== "code");
  return manifestOf([...rest, ...code], {
    modelName: manifest.model_name,
    target: manifest.target,
    runtimeVersion: manifest.runtime_version,
    className: manifest.entry.class_name,
    source: manifest.entry.source,
  });
}
