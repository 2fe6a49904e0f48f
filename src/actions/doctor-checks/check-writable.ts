import { randomUUID } from "node:crypto";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Check, fail, ok } from "./check.ts";

/** Permissions alone do not tell of read-only disks and quotas: a file is written and removed. */
export async function checkWritable(name: string, folder: string): Promise<Check> {
  const probe = join(folder, `.purlin-doctor-${randomUUID()}`);
  try {
    await writeFile(probe, "x", { flag: "wx" });
    return ok(name, `${folder} can be written to`);
  } catch (error) {
    return fail(
      name,
      `${folder} cannot be written to: ${(error as Error).message}`,
      "Check its owner, its permissions and the disk.",
    );
  } finally {
    await rm(probe, { force: true }).catch(() => {});
  }
}
