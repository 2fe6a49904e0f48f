import { execFile } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { AppError } from "../errors.ts";
import type { Reporter } from "../events.ts";
import type { Target } from "../protocol/target.ts";

export interface TargetPackagesOptions {
  projectDir: string;
  target: Target;
  /** Per-user folder for what can be fetched again. */
  cacheDir: string;
  report: Reporter;
  signal?: AbortSignal | undefined;
}

const COPIED = ["package.json", "package-lock.json", ".npmrc"];
const MOST_LINES = 8;

/**
 * A folder whose node_modules holds the project's packages for another machine, as its lock file has them; null
 * where the project has no packages. Fetched once for each lock file and target; no script of a package runs.
 * Throws AppError NPM_FAILED.
 */
export async function targetPackages(options: TargetPackagesOptions): Promise<string | null> {
  const { projectDir, target, cacheDir } = options;
  if (!existsSync(join(projectDir, "package.json"))) return null;
  if (!existsSync(join(projectDir, "package-lock.json"))) {
    throw new AppError(
      "NPM_FAILED",
      `Packages for ${target.name} are taken from package-lock.json, which is missing.`,
      {
        hint: "Run npm install in the project; it writes the lock file.",
      },
    );
  }
  const place = join(cacheDir, "packages", `${target.name}-${lockKey(projectDir)}`);
  if (existsSync(place)) return place;
  options.report.emit({ type: "step", message: `fetching the packages for ${target.name} (npm ci)` });
  const staging = `${place}.${process.pid}-${randomBytes(4).toString("hex")}`;
  try {
    mkdirSync(staging, { recursive: true });
    for (const name of COPIED.filter((each) => existsSync(join(projectDir, each)))) {
      copyFileSync(join(projectDir, name), join(staging, name));
    }
    await npmCi(staging, options);
    moveOnce(staging, place);
    return place;
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

function lockKey(projectDir: string): string {
  const hash = createHash("sha256");
  for (const name of COPIED.slice(0, 2)) hash.update(readFileSync(join(projectDir, name))).update("\0");
  return hash.digest("hex").slice(0, 16);
}

async function npmCi(dir: string, { target, signal }: TargetPackagesOptions): Promise<void> {
  const where = [
    `--os=${target.os}`,
    `--cpu=${target.cpu}`,
    ...(target.libc ? [`--libc=${target.libc}`] : []),
  ];
  const quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", "--prefer-offline"];
  try {
    await promisify(execFile)("npm", ["ci", "--omit=dev", ...where, ...quiet], {
      cwd: dir,
      signal,
      maxBuffer: 64 * 1024 * 1024,
      // CUDA libraries are no part of what the lock file names.
      env: { ...process.env, ONNXRUNTIME_NODE_INSTALL: "skip" },
    });
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    const { code, stderr = "" } = error as { code?: string | number; stderr?: string };
    if (code === "ENOENT") {
      throw new AppError(
        "NPM_FAILED",
        "npm is not on the PATH; it fetches the packages for another machine.",
        {
          hint: "Install npm, or build on a machine of that kind.",
        },
      );
    }
    const lines = stderr
      .split("\n")
      .filter((line) => line.startsWith("npm error") && !/log of this run/.test(line))
      .map((line) => line.replace(/^npm error /, ""))
      .slice(0, MOST_LINES);
    throw new AppError("NPM_FAILED", `npm could not fetch the packages for ${target.name}.`, {
      hint: "npm ci in the project shows the same; package.json and package-lock.json must agree.",
      problems: lines.map((message) => ({ message })),
    });
  }
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
