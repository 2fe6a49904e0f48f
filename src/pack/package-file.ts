import type { LayerName } from "../protocol/manifest.ts";

/** A file that is to be packed. */
export interface PackageFile {
  layer: LayerName;
  /** From the package root, with `/`. */
  path: string;
  /** An absolute path with its links resolved, or the bytes themselves. */
  source: string | Uint8Array;
  mode: "644" | "755";
  /** Why it is packed, for `build --list`. */
  rule: string;
}

/** Group and others follow the owner's execute bit: what a umask or a checkout did to the rest does not count. */
export function packedMode(mode: number | bigint): "644" | "755" {
  return (Number(mode) & 0o100) === 0 ? "644" : "755";
}
