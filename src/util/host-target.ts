import { existsSync } from "node:fs";
import { AppError } from "../errors.ts";
import { parseTarget, type Target, TARGETS } from "../protocol/target.ts";

/** The target named, or this machine. Throws AppError TARGET_UNKNOWN. */
export function readTarget(name: string | null | undefined): Target {
  const wanted = name ?? hostTargetName();
  const target = parseTarget(wanted);
  if (target) return target;
  throw new AppError(
    "TARGET_UNKNOWN",
    name === null || name === undefined
      ? `Purlin builds no packages for this machine (${wanted}).`
      : `There is no target ${wanted}.`,
    { hint: `There are: ${TARGETS.join(", ")}.` },
  );
}

/** os-cpu of this machine, with -musl where its Node was linked with musl. */
export function hostTargetName(): string {
  const { platform, arch } = process;
  return `${platform}-${arch}${platform === "linux" && isMusl() ? "-musl" : ""}`;
}

/** The loader's presence is asked first: the report takes 100 times as long. */
function isMusl(): boolean {
  const loader = { x64: "x86_64", arm64: "aarch64" }[process.arch as string] ?? process.arch;
  if (!existsSync(`/lib/ld-musl-${loader}.so.1`)) return false;
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  return report.header?.glibcVersionRuntime === undefined;
}
