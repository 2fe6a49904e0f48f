import { createHash } from "node:crypto";
import { type Digest, type FileEntry, type Layer, type LayerName, LAYERS } from "../protocol/manifest.ts";

export function sha256(bytes: string | Uint8Array): Digest {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** By the bytes of their paths, which is not the order of UTF-16 units. */
export function sortEntries(entries: readonly FileEntry[]): FileEntry[] {
  return [...entries].sort((a, b) => Buffer.compare(Buffer.from(a[1]), Buffer.from(b[1])));
}

/**
 * The digest of a layer is that of its canonical text: `layer-tree/1`, then a line
 * `<sha256 hex> <size> <644|755> <path>` for each file, sorted by the bytes of the path; LF, UTF-8.
 */
export function layerOf(name: LayerName, entries: readonly FileEntry[]): Layer {
  const own = sortEntries(entries.filter(([layer]) => layer === name));
  const lines = own.map(([, path, digest, size, mode]) => `${hexOf(digest)} ${size} ${mode} ${path}\n`);
  return {
    tree: sha256(`layer-tree/1\n${lines.join("")}`),
    files: own.length,
    bytes: own.reduce((sum, [, , , size]) => sum + size, 0),
  };
}

export function layersOf(entries: readonly FileEntry[]): Record<LayerName, Layer> {
  return Object.fromEntries(LAYERS.map((name) => [name, layerOf(name, entries)])) as Record<LayerName, Layer>;
}

export interface PackageIdentity {
  target: string;
  runtimeVersion: string;
  layers: Record<LayerName, Layer>;
}

/** The package digest: of a text that names what it runs on and its layers, and nothing else. */
export function packageDigest({ target, runtimeVersion, layers }: PackageIdentity): Digest {
  const trees = LAYERS.map((name) => `${name} ${layers[name].tree}\n`);
  return sha256(`package/1\ntarget ${target}\nruntime_version ${runtimeVersion}\n${trees.join("")}`);
}

function hexOf(digest: Digest): string {
  return digest.slice("sha256:".length);
}
