import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join, posix } from "node:path";

/** Writes files by their path below a folder. */
export async function makeTree(dir: string, files: Record<string, string | Uint8Array>): Promise<void> {
  for (const [path, contents] of Object.entries(files)) {
    await mkdir(dirname(join(dir, path)), { recursive: true });
    await writeFile(join(dir, path), contents);
  }
}

/** Every file below a folder with its contents, one character a byte. */
export async function readTree(dir: string, prefix = ""): Promise<Record<string, string>> {
  const tree: Record<string, string> = {};
  for (const entry of await readdir(join(dir, prefix), { withFileTypes: true })) {
    const path = posix.join(prefix, entry.name);
    if (entry.isDirectory()) Object.assign(tree, await readTree(dir, path));
    else tree[path] = await readFile(join(dir, path), "latin1");
  }
  return tree;
}
