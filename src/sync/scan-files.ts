import { type Dirent, readdirSync, statSync } from "node:fs";
import { join } from "node:path";

export type IgnorePredicate = (relativePath: string, isDirectory: boolean) => boolean;

/** Tells which files differ from the scan before, by their stat: watcher events are hints, this is the truth. */
export interface FileScanner {
  /** Paths from the root, with `/`, that appeared, changed or went since the last call. */
  changed(): string[];
  files: number;
}

export function createFileScanner(root: string, ignores: IgnorePredicate): FileScanner {
  let before = scan(root, ignores);
  return {
    get files() {
      return before.size;
    },
    changed() {
      const now = scan(root, ignores);
      const paths: string[] = [];
      for (const [path, stamp] of now) if (before.get(path) !== stamp) paths.push(path);
      for (const path of before.keys()) if (!now.has(path)) paths.push(path);
      before = now;
      return paths.sort();
    },
  };
}

function scan(root: string, ignores: IgnorePredicate): Map<string, string> {
  const stamps = new Map<string, string>();
  const folders = [""];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const entry of read(join(root, folder))) {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (ignores(path, entry.isDirectory())) continue;
      if (entry.isDirectory()) folders.push(path);
      else stamps.set(path, stampOf(join(root, path)));
    }
  }
  return stamps;
}

function read(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    // It went between two calls; the next scan finds its parent changed.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

function stampOf(file: string): string {
  const stat = statSync(file, { bigint: true, throwIfNoEntry: false });
  return stat === undefined ? "gone" : `${stat.ino}:${stat.size}:${stat.mtimeNs}:${stat.ctimeNs}`;
}
