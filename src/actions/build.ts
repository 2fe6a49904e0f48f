import { realpathSync } from "node:fs";
import { join } from "node:path";
import type { Problem } from "../errors.ts";
import type { Reporter } from "../events.ts";
import type { Digest, Layer, LayerName } from "../protocol/manifest.ts";
import { findUnchanged } from "./build-steps/unchanged.ts";

export interface BuildOptions {
  /** Absolute folder of the project. */
  dir: string;
  /** Absolute folder for the package; `.purlin/package` in the project by default. */
  output?: string | undefined;
  /** linux-x64, ...; config.yaml's build.target, or this machine, by default. */
  target?: string | undefined;
  /** Starts the package in an empty folder and runs its examples. */
  verify?: boolean | undefined;
  /** Absolute path of a file that the package is written to as well. */
  archive?: string | undefined;
  /** Every file with the rule that put it there, in `list`. */
  list?: boolean | undefined;
  report: Reporter;
  signal?: AbortSignal | undefined;
}

export interface BuildResult {
  package: Digest;
  /** Absolute folder of the package. */
  path: string;
  target: string;
  files: number;
  bytes: number;
  layers: Record<LayerName, Layer>;
  warnings: Problem[];
  /** Packages that stay outside the bundle. */
  externals: { name: string; version: string; reason: string }[];
  /** The ten biggest files. */
  biggest: { path: string; bytes: number }[];
  /** Against the package that was there before; null where there was none. */
  changed_since_last: PackageChange | null;
  /** Nothing had changed: the package of before still stands. */
  cached: boolean;
  verified?: boolean;
  archive?: { path: string; bytes: number };
  list?: ListedFile[];
  duration_ms: number;
}

export interface PackageChange {
  package: Digest;
  layers: LayerName[];
  added: number;
  removed: number;
  changed: number;
  bytes: number;
}

export interface ListedFile {
  path: string;
  bytes: number;
  rule: string;
}

/**
 * Makes the package of a project. Nothing heavy is loaded where nothing has changed since the last build.
 * Throws AppError for all that the user or the environment must mend.
 */
export async function build(options: BuildOptions): Promise<BuildResult> {
  const startedAt = performance.now();
  const place = options.output ?? join(realDir(options.dir), ".purlin", "package");
  const unchanged = options.list === true ? null : findUnchanged(options, place);
  const result = unchanged ?? (await buildAnew(options, place));
  for (const { message, hint, location } of result.warnings) {
    const at = location
      ? `${[location.file, location.line, location.column].filter(Boolean).join(":")}: `
      : "";
    options.report.emit({ type: "warning", code: "BUILD", message: at + message, ...(hint ? { hint } : {}) });
  }
  if (options.archive !== undefined) {
    const { createArchive } = await import("../pack/create-archive.ts");
    options.report.emit({ type: "step", message: "writing the archive" });
    result.archive = await createArchive(place, options.archive);
  }
  if (options.verify === true) {
    const { verifyPackage } = await import("./build-steps/verify-package.ts");
    await verifyPackage(place, { projectDir: options.dir, report: options.report, signal: options.signal });
    result.verified = true;
  }
  return { ...result, duration_ms: Math.round((performance.now() - startedAt) * 10) / 10 };
}

async function buildAnew(options: BuildOptions, place: string): Promise<BuildResult> {
  const { buildPackage } = await import("./build-steps/build-package.ts");
  return buildPackage(options, place);
}

/** A folder that is not there is named by whoever reads its config.yaml. */
function realDir(dir: string): string {
  try {
    return realpathSync(dir);
  } catch {
    return dir;
  }
}
