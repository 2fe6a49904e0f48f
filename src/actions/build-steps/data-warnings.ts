import type { Problem } from "../../errors.ts";
import type { PackageManifest } from "../../protocol/manifest.ts";

/** From here on data/ is too much to carry with every package. */
const MUCH_BYTES = 1024 ** 3;
const MOST_NAMED = 10;

/** What a person should know about the data that was packed, and about what was not. */
export function dataWarnings(
  manifest: PackageManifest,
  dropped: readonly { path: string; rule: string }[],
): Problem[] {
  const left = dropped.map(({ path, rule }) => ({
    message: `${path} is not packed (${rule})`,
    location: { file: path },
  }));
  return manifest.layers.data.bytes < MUCH_BYTES ? left : [...left, muchData(manifest)];
}

function muchData(manifest: PackageManifest): Problem {
  const biggest = manifest.files
    .filter(([layer]) => layer === "data")
    .sort((a, b) => b[3] - a[3])
    .slice(0, MOST_NAMED)
    .map(([, path, , size]) => `  ${sizeText(size)}  ${path}`);
  return {
    message: [
      `data/ holds ${sizeText(manifest.layers.data.bytes)}, and every cold start pulls all of it. Its biggest files:`,
      ...biggest,
    ].join("\n"),
    hint: [
      "Keep weights in a store, where they are fetched once for each machine; in config.yaml:",
      "weights:",
      `  - source: s3://BUCKET/${manifest.model_name}`,
      `    mount_location: /models/${manifest.model_name}`,
    ].join("\n"),
  };
}

function sizeText(bytes: number): string {
  return bytes >= MUCH_BYTES
    ? `${(bytes / MUCH_BYTES).toFixed(1)} GiB`
    : `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
}
