/** purlin.json: what a package is made of. The file list is the package; everything else is derived. */
export const MANIFEST_FILE = "purlin.json";
export const MANIFEST_SCHEMA = 1;

/** From what changes with every save to what changes with a release of Purlin. */
export const LAYERS = ["code", "config", "data", "deps", "runtime"] as const;
export type LayerName = (typeof LAYERS)[number];

/** `sha256:` and 64 hex digits. */
export type Digest = `sha256:${string}`;

export interface Layer {
  /** sha256 of the layer's canonical text; see pack/digest.ts. */
  tree: Digest;
  files: number;
  bytes: number;
}

/** layer, path from the package root with `/`, content digest, size in bytes, mode. */
export type FileEntry = [layer: LayerName, path: string, digest: Digest, size: number, mode: "644" | "755"];

export interface PackageManifest {
  schema: typeof MANIFEST_SCHEMA;
  model_name: string;
  package: Digest;
  /** os-cpu, with `-musl` where the libc is musl: linux-x64, linux-arm64, linux-x64-musl, darwin-arm64. */
  target: string;
  runtime_version: string;
  entry: {
    /** The bundle of the model, from the package root. */
    module: string;
    class_name: string;
    /** Where the class was written, for messages: model/model.ts. */
    source: string;
  };
  layers: Record<LayerName, Layer>;
  files: FileEntry[];
}

/** Fixed places in a package, from its root. */
export const PACKAGE_PATHS = {
  model: "code/model.mjs",
  /** In the layer of the code: it changes with the code, and is swapped with it. */
  types: "code/purlin-types.json",
  /** Only where runtime.validate_types asks for them: whether an input is valid, and what all is wrong with it. */
  check: "code/purlin-check.mjs",
  explain: "code/purlin-explain.mjs",
  config: "config/config.json",
  configSource: "config/config.yaml",
  data: "data",
  deps: "deps",
  /** Only where the package has addons that some versions of Node cannot load. */
  addons: "deps/purlin-addons.json",
  front: "runtime/front.mjs",
  modelProcess: "runtime/model.mjs",
} as const;
