import { tmpdir } from "node:os";
import { checkBundler } from "./doctor-checks/check-bundler.ts";
import { checkDiskSpace } from "./doctor-checks/check-disk-space.ts";
import { checkNode } from "./doctor-checks/check-node.ts";
import { checkNpm } from "./doctor-checks/check-npm.ts";
import { checkPlatform } from "./doctor-checks/check-platform.ts";
import { checkPort } from "./doctor-checks/check-port.ts";
import { checkProject } from "./doctor-checks/check-project.ts";
import { checkWatchLimits } from "./doctor-checks/check-watch-limits.ts";
import { checkWritable } from "./doctor-checks/check-writable.ts";
import type { Check } from "./doctor-checks/check.ts";

export interface DoctorReport {
  /** Nothing failed; warnings do not count. */
  ok: boolean;
  checks: Check[];
}

/** Looks at the machine and at the project in `dir`, if there is one. Changes nothing. */
export async function doctor({ dir, signal }: { dir: string; signal?: AbortSignal }): Promise<DoctorReport> {
  const checks = await Promise.all([
    checkNode(),
    checkPlatform(),
    checkNpm(signal),
    checkBundler(),
    checkWritable("folder", dir),
    checkWritable("temporary-folder", tmpdir()),
    checkDiskSpace(dir),
    checkWatchLimits(),
    checkPort(),
    checkProject(dir),
  ]);
  const all = checks.flat();
  return { ok: all.every(({ status }) => status !== "fail"), checks: all };
}
