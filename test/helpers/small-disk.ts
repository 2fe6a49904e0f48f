import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { tmpDir } from "./tmp-dir.ts";

/** A file system of its own with `megabytes` of room, or null where this user may not mount one. */
export async function smallDisk(t: TestContext, megabytes: number): Promise<string | null> {
  // Hooks run in order: the disk must be taken away before its folder is removed.
  let mounted = "";
  t.after(() => mounted && execFileSync("umount", ["-l", mounted], { stdio: "ignore" }));
  const dir = join(await tmpDir(t), "disk");
  mkdirSync(dir);
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m`, "tmpfs", dir], { stdio: "ignore" });
  } catch {
    return null;
  }
  mounted = dir;
  return dir;
}

export function makeReadOnly(dir: string): void {
  execFileSync("mount", ["-o", "remount,ro", dir]);
}
