import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { AppError } from "../errors.ts";
import type { Target } from "../protocol/target.ts";

export interface NpmOptions {
  target: Target;
  signal?: AbortSignal | undefined;
}

const QUIET = ["--no-audit", "--no-fund", "--loglevel=error"];
const MOST_LINES = 8;
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

/** Installs for the target what the lock file in `dir` names, running no script. Throws AppError NPM_FAILED. */
export async function npmCi(dir: string, { target, signal }: NpmOptions): Promise<void> {
  const args = ["ci", "--omit=dev", "--ignore-scripts", "--prefer-offline", ...QUIET, ...flagsOf(target)];
  await runNpm(args, {
    dir,
    signal,
    env: {},
    failed: `npm could not fetch the packages for ${target.name}.`,
    hint: "npm ci in the project shows the same; package.json and package-lock.json must agree.",
  });
}

/**
 * Runs the install scripts of these packages, on this machine but told of the target as `prebuild-install` and its
 * like ask for it. What a script compiles for this machine instead is found out when the package is packed.
 * Throws AppError NPM_FAILED.
 */
export async function npmRebuild(
  dir: string,
  names: readonly string[],
  { target, signal }: NpmOptions,
): Promise<void> {
  const env = {
    npm_config_platform: target.os,
    npm_config_target_platform: target.os,
    npm_config_arch: target.cpu,
    npm_config_target_arch: target.cpu,
    ...(target.libc === null ? {} : { npm_config_target_libc: target.libc }),
  };
  await runNpm(["rebuild", ...names, "--ignore-scripts=false", ...QUIET, ...flagsOf(target)], {
    dir,
    signal,
    env,
    failed: `An install script that build.allow_scripts names failed for ${target.name}.`,
    hint: "Not every script can work for another machine: build there, or leave its package out of build.allow_scripts.",
  });
}

function flagsOf({ os, cpu, libc }: Target): string[] {
  return [`--os=${os}`, `--cpu=${cpu}`, ...(libc === null ? [] : [`--libc=${libc}`])];
}

interface NpmRun {
  dir: string;
  signal: AbortSignal | undefined;
  env: Record<string, string>;
  failed: string;
  hint: string;
}

async function runNpm(args: readonly string[], run: NpmRun): Promise<void> {
  const { dir, signal, env, failed, hint } = run;
  try {
    await promisify(execFile)("npm", args, {
      cwd: dir,
      signal,
      maxBuffer: MAX_OUTPUT_BYTES,
      env: { ...process.env, ...env },
    });
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    const { code, stderr = "" } = error as { code?: string | number; stderr?: string };
    if (code === "ENOENT") {
      throw new AppError(
        "NPM_FAILED",
        "npm is not on the PATH; it fetches the packages for another machine.",
        { hint: "Install npm, or build on a machine of that kind." },
      );
    }
    const problems = linesOf(stderr).map((message) => ({ message }));
    throw new AppError("NPM_FAILED", failed, { hint, problems });
  }
}

function linesOf(stderr: string): string[] {
  return stderr
    .split("\n")
    .filter((line) => line.startsWith("npm error") && !/log of this run/.test(line))
    .map((line) => line.replace(/^npm error ?/, "").trimEnd())
    .filter((line) => line !== "")
    .slice(0, MOST_LINES);
}
