import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Writes elsewhere and moves the file in: a plain save empties it first, and whoever watches may see that, too. */
export async function saveAtOnce(path: string, text: string): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), "purlin-save-"));
  await writeFile(join(dir, "file"), text);
  await rename(join(dir, "file"), path);
  await rm(dir, { recursive: true });
}
