import { createHash } from "node:crypto";
import { basename, extname, relative, sep } from "node:path";

export const ASSET_NAMESPACE = "purlin-asset";

/** Files that an import means as files: the imported value is the path of the packed copy. */
export const ASSET_EXTENSIONS: ReadonlySet<string> = new Set(
  (
    ".wasm .onnx .ort .txt .bin .gguf .ggml .safetensors .tflite .model .vocab .bpe .csv .tsv .yaml .yml .html .md " +
    ".png .jpg .jpeg .gif .webp .svg .wav .mp3 .flac .ogg .mp4 .pdf .npy .npz .zip .gz .proto .jinja"
  ).split(" "),
);

export const CODE_EXTENSIONS: ReadonlySet<string> = new Set([
  ".ts",
  ".mts",
  ".cts",
  ".tsx",
  ".js",
  ".mjs",
  ".cjs",
  ".jsx",
]);

/** Below code/: assets/labels-1f2e3d4c.txt. The name depends on where the file lies in the project, not on its bytes. */
export function assetPath(file: string, projectDir: string): string {
  const extension = extname(file);
  return `assets/${basename(file, extension)}-${placeHash(file, projectDir)}${extension}`;
}

/** Below code/: worker-1f2e3d4c.mjs. At the top, so that the same relative paths hold as for the model's bundle. */
export function workerPath(file: string, projectDir: string): string {
  return `${basename(file, extname(file))}-${placeHash(file, projectDir)}.mjs`;
}

function placeHash(file: string, projectDir: string): string {
  const place = stablePath(relative(projectDir, file).replaceAll(sep, "/"));
  return createHash("sha256").update(place).digest("hex").slice(0, 8);
}

/** A path from the project that says nothing about the machine: packages may lie anywhere, by way of links. */
export function stablePath(fromProject: string): string {
  const at = fromProject.indexOf("node_modules/");
  return fromProject.startsWith("../") && at !== -1 ? fromProject.slice(at) : fromProject;
}
