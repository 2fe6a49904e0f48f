import {
  cpSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { Generation } from "../protocol/control.ts";
import { type LayerName, MANIFEST_FILE, type PackageManifest } from "../protocol/manifest.ts";
import { isAlive } from "../util/is-alive.ts";
import { leadMapsToProject } from "./maps-to-project.ts";

/**
 * Layers that generations share, each in a folder named by its digest. Their files have one real path whatever
 * the generation, so that a native addon is never loaded twice into one process.
 */
const SHARED: readonly LayerName[] = ["deps", "data", "runtime"];

interface CodeFile {
  /** Below code/. */
  path: string;
  contents: Uint8Array;
}

/** A private copy of packages for a runtime to run from: a build meanwhile pulls no file from under it. */
export interface ServingTree {
  /** Makes the next generation from a package folder; hard links where the disk allows, so it takes no room. */
  add(packageDir: string): Generation;
  /** The next generation with other code and the rest of an earlier one. */
  addCode(earlier: Generation, code: readonly CodeFile[], manifest: PackageManifest): Generation;
  dispose(): void;
}

export interface ServingTreeOptions {
  /** Source maps lead to the project's own files: for debuggers and profiles. */
  mapsToProject?: boolean;
}

/** `.purlin/serve/<pid>` in a project; what dead processes left beside it is removed. */
export function createServingTree(
  projectDir: string,
  { mapsToProject = false }: ServingTreeOptions = {},
): ServingTree {
  const parent = join(projectDir, ".purlin", "serve");
  const root = join(parent, String(process.pid));
  rmSync(root, { recursive: true, force: true });
  mkdirSync(root, { recursive: true });
  removeStale(parent);
  let count = 0;
  return {
    add(packageDir) {
      const manifest = JSON.parse(readFileSync(join(packageDir, MANIFEST_FILE), "utf8")) as PackageManifest;
      count += 1;
      const dir = join(root, `gen-${count}`);
      for (const layer of SHARED) shareLayer({ root, dir, packageDir, manifest, layer });
      linkFiles(packageDir, dir, (layer) => !SHARED.includes(layer), manifest);
      mkdirSync(join(dir, "code"), { recursive: true });
      if (mapsToProject) leadMapsToProject(join(dir, "code"), projectDir);
      writeFileSync(join(dir, MANIFEST_FILE), JSON.stringify(manifest));
      return { dir, digest: manifest.package };
    },
    addCode(earlier, code, manifest) {
      count += 1;
      const dir = join(root, `gen-${count}`);
      mkdirSync(dir);
      for (const layer of SHARED) symlinkSync(readlinkSync(join(earlier.dir, layer)), join(dir, layer));
      linkFiles(earlier.dir, dir, (layer) => layer === "config", manifest);
      for (const { path, contents } of code) {
        const file = join(dir, "code", path);
        mkdirSync(dirname(file), { recursive: true });
        writeFileSync(file, contents);
      }
      if (mapsToProject) leadMapsToProject(join(dir, "code"), projectDir);
      writeFileSync(join(dir, MANIFEST_FILE), JSON.stringify(manifest));
      return { dir, digest: manifest.package };
    },
    dispose: () => rmSync(root, { recursive: true, force: true }),
  };
}

function shareLayer(share: {
  root: string;
  dir: string;
  packageDir: string;
  manifest: PackageManifest;
  layer: LayerName;
}): void {
  const { root, dir, packageDir, manifest, layer } = share;
  const name = `${layer}-${manifest.layers[layer].tree.slice(7, 23)}`;
  const place = join(root, name);
  mkdirSync(dir, { recursive: true });
  if (!readdirSync(root).includes(name)) {
    linkFiles(packageDir, place, (other) => other === layer, manifest, `${layer}/`.length);
    mkdirSync(place, { recursive: true });
  }
  symlinkSync(join("..", name), join(dir, layer));
}

function linkFiles(
  from: string,
  to: string,
  wanted: (layer: LayerName) => boolean,
  manifest: PackageManifest,
  strip = 0,
): void {
  const made = new Set<string>();
  for (const [layer, path] of manifest.files) {
    if (!wanted(layer)) continue;
    const target = join(to, path.slice(strip));
    const folder = dirname(target);
    if (!made.has(folder)) mkdirSync(folder, { recursive: true });
    made.add(folder);
    try {
      linkSync(join(from, path), target);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") throw error;
      // Another disk, or a file system without links.
      cpSync(join(from, path), target);
    }
  }
}

function removeStale(parent: string): void {
  for (const name of readdirSync(parent)) {
    if (!/^\d+$/.test(name) || isAlive(Number(name))) continue;
    rmSync(join(parent, name), { recursive: true, force: true });
  }
}
