import { copyFileSync, linkSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { MANIFEST_FILE, type PackageManifest } from "../protocol/manifest.ts";

/** A second folder with the files that the manifest lists and no others; linked where both are on one disk. */
export function clonePackage(manifest: PackageManifest, from: string, to: string): void {
  const made = new Set<string>();
  let mayLink = true;
  for (const layer of Object.keys(manifest.layers)) mkdirSync(join(to, layer), { recursive: true });
  for (const path of [MANIFEST_FILE, ...manifest.files.map((entry) => entry[1])]) {
    const folder = dirname(join(to, path));
    if (!made.has(folder)) mkdirSync(folder, { recursive: true });
    made.add(folder);
    if (mayLink) {
      try {
        linkSync(join(from, path), join(to, path));
        continue;
      } catch (error) {
        // What is missing is no question of disks: verifying must find it out by itself.
        if ((error as NodeJS.ErrnoException).code === "ENOENT") continue;
        mayLink = false;
      }
    }
    copyFileSync(join(from, path), join(to, path));
  }
}
