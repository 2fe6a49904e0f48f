import { createHash, randomBytes } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { AppError } from "../errors.ts";
import type { Reporter } from "../events.ts";
import type { Target } from "../protocol/target.ts";
import { markUsed, prunePackages } from "./prune-packages.ts";
import { npmCi, npmRebuild } from "./run-npm.ts";

export interface TargetPackagesOptions {
  /** Absolute. */
  projectDir: string;
  target: Target;
  /** Packages whose install scripts may run: config.yaml's build.allow_scripts. */
  allowScripts: readonly string[];
  /** Per-user folder for what can be fetched again. */
  cacheDir: string;
  report: Reporter;
  signal?: AbortSignal | undefined;
}

const LOCK_FILES = ["npm-shrinkwrap.json", "package-lock.json"];
/** Registries and what opens them. */
const NPM_CONFIG = ".npmrc";

/**
 * A folder whose node_modules holds the project's packages for another machine, as its lock file has them; null
 * where the project has no packages. Fetched once for each lock file and target. Throws AppError NPM_FAILED.
 */
export async function targetPackages(options: TargetPackagesOptions): Promise<string | null> {
  const { projectDir, target, cacheDir, report } = options;
  if (!existsSync(join(projectDir, "package.json"))) return null;
  const lock = LOCK_FILES.find((name) => existsSync(join(projectDir, name)));
  if (lock === undefined) {
    throw new AppError(
      "NPM_FAILED",
      `Packages for ${target.name} are taken from package-lock.json, which is missing.`,
      { hint: "Run npm install in the project; it writes the lock file." },
    );
  }
  const scripts = [...new Set(options.allowScripts)].sort();
  const place = join(cacheDir, "packages", `${target.name}-${keyOf(projectDir, lock, scripts)}`);
  if (existsSync(place)) {
    markUsed(place);
    return place;
  }
  report.emit({ type: "step", message: `fetching the packages for ${target.name} (npm ci)` });
  const staging = `${place}.${process.pid}-${randomBytes(4).toString("hex")}`;
  try {
    mkdirSync(staging, { recursive: true, mode: 0o700 });
    for (const name of ["package.json", lock, NPM_CONFIG, ...localTarballs(join(projectDir, lock))]) {
      copyInto(projectDir, staging, name);
    }
    await npmCi(staging, options);
    if (scripts.length > 0) {
      report.emit({ type: "step", message: `running the install scripts of ${scripts.join(", ")}` });
      await npmRebuild(staging, scripts, options);
    }
    // It may hold a token, and this folder stays.
    rmSync(join(staging, NPM_CONFIG), { force: true });
    moveOnce(staging, place);
    prunePackages(dirname(place));
    return place;
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

function keyOf(projectDir: string, lock: string, scripts: readonly string[]): string {
  const hash = createHash("sha256");
  for (const name of ["package.json", lock]) hash.update(readFileSync(join(projectDir, name))).update("\0");
  return hash.update(scripts.join("\n")).digest("hex").slice(0, 16);
}

/** Packages that lie in the project as a file: "file:vendor/engine-1.0.0.tgz". Their digests are in the lock file. */
function localTarballs(lockFile: string): string[] {
  const { packages = {} } = readJson(lockFile) as {
    packages?: Record<string, { resolved?: string; link?: boolean }>;
  };
  return Object.values(packages)
    .filter(({ resolved, link }) => link !== true && resolved?.startsWith("file:"))
    .map(({ resolved = "" }) => resolved.slice("file:".length))
    .filter((path) => !path.split("/").includes(".."));
}

/** Damaged files are for npm to tell. */
function readJson(file: string): object {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as object;
  } catch {
    return {};
  }
}

function copyInto(from: string, to: string, path: string): void {
  if (!existsSync(join(from, path))) return;
  mkdirSync(dirname(join(to, path)), { recursive: true });
  copyFileSync(join(from, path), join(to, path));
}

/** Another build may have been quicker; then its folder is the one. */
function moveOnce(staging: string, place: string): void {
  try {
    renameSync(staging, place);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOTEMPTY" && code !== "EEXIST") throw error;
  }
}
