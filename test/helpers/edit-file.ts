import { readFile, writeFile } from "node:fs/promises";

/**
 * Replaces text in a file, as an editor saves it. Throws when nothing changes or when the file keeps its
 * length: a polling watcher with coarse time stamps would miss such an edit, and the test would be flaky.
 */
export async function editFile(path: string, from: string | RegExp, to: string): Promise<void> {
  const before = await readFile(path, "utf8");
  const after = before.replace(from, to);
  if (after === before) throw new Error(`${path}: nothing to replace for ${String(from)}`);
  if (after.length === before.length) throw new Error(`${path}: the edit must change the length`);
  await writeFile(path, after);
}
