import type { Problem } from "../errors.ts";

/** A file of the code layer. */
export interface CodeFile {
  /** Below code/, with `/`: model.mjs, model.mjs.map, assets/labels-1f2e.txt. */
  path: string;
  contents: Uint8Array;
}

/** A package that stays outside the bundle, on disk in its own layout. */
export interface ExternalPackage {
  name: string;
  version: string;
  /** Absolute folder it was resolved from. */
  dir: string;
  /** Where the bundle expects it, below deps/: node_modules/sharp. */
  location: string;
  /** Why it is not bundled: "native addon", "reads files beside itself", "build.external". */
  reason: string;
}

export interface ModelBundle {
  files: CodeFile[];
  /** Absolute paths of every file that went into it, packages and tsconfig.json included; folders that were searched. */
  inputs: string[];
  externals: ExternalPackage[];
  warnings: Problem[];
}

/** An incremental bundler: the second build reads only what changed. */
export interface ModelBundler {
  /** Throws AppError BUILD_FAILED, PACKAGE_MISSING, MODEL_NOT_FOUND or MODEL_INVALID with places and code frames. */
  build(): Promise<ModelBundle>;
  dispose(): Promise<void>;
}
