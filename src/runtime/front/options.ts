import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { Config } from "../../protocol/config.ts";
import { withoutTimeLimits } from "./debugger-limits.ts";
import { MANIFEST_FILE, PACKAGE_PATHS, type PackageManifest } from "../../protocol/manifest.ts";
import { MAX_UNIX_SOCKET_PATH_BYTES, RUNTIME_ENV } from "../../protocol/runtime-env.ts";

/** How this runtime is to run: the command line first, then the environment, then defaults. */
export interface FrontOptions {
  packageDir: string;
  /** File of the effective config; null for the package's own. */
  config: string | null;
  listen: { port: number; host: string } | { socket: string };
  controlFd: number | null;
  development: boolean;
  logFormat: "json" | "pretty";
  logLevel: "debug" | "info" | "warn" | "error";
  workers: number | "auto" | null;
  exitOnLoadFailure: boolean;
  /** Milliseconds within which headers must have come, and a body must have brought its least. */
  headersMs: number;
  bodyPaceMs: number;
  environment: Record<string, unknown> | null;
}

/** A sentence for the person who started it; exit code 2. */
export class OptionsError extends Error {}

export function readOptions(argv: string[], env: NodeJS.ProcessEnv): FrontOptions {
  const { values } = parseArgs({
    args: argv,
    options: {
      port: { type: "string" },
      host: { type: "string" },
      socket: { type: "string" },
      "log-format": { type: "string" },
      "log-level": { type: "string" },
      workers: { type: "string" },
    },
  });
  const socket = values.socket ?? env[RUNTIME_ENV.socket];
  const controlFd = env[RUNTIME_ENV.controlFd];
  return {
    packageDir: env[RUNTIME_ENV.packageDir] ?? dirname(dirname(fileURLToPath(import.meta.url))),
    config: env[RUNTIME_ENV.config] ?? null,
    listen:
      socket === undefined
        ? {
            port: parsePort(values.port ?? env[RUNTIME_ENV.port] ?? "8080"),
            host: values.host ?? env[RUNTIME_ENV.host] ?? "127.0.0.1",
          }
        : { socket: checkSocket(socket) },
    controlFd: controlFd === undefined ? null : Number(controlFd),
    development: env[RUNTIME_ENV.mode] === "development",
    logFormat: oneOf("--log-format", values["log-format"] ?? env[RUNTIME_ENV.logFormat] ?? "json", [
      "json",
      "pretty",
    ]),
    logLevel: oneOf("--log-level", values["log-level"] ?? env[RUNTIME_ENV.logLevel] ?? "info", [
      "debug",
      "info",
      "warn",
      "error",
    ]),
    workers: parseWorkers(values.workers ?? env[RUNTIME_ENV.workers]),
    headersMs: parseSeconds(env, RUNTIME_ENV.headersTimeout, 20) * 1000,
    bodyPaceMs: parseSeconds(env, RUNTIME_ENV.bodyPace, 10) * 1000,
    exitOnLoadFailure: env[RUNTIME_ENV.onLoadFailure] !== "stay",
    environment: parseEnvironment(env[RUNTIME_ENV.environment]),
  };
}

export interface PackageFiles {
  config: Config;
  manifest: PackageManifest;
}

/** `config` is a file to use instead of the package's own. */
export function readPackage(packageDir: string, config: string | null): PackageFiles {
  try {
    return {
      config: withoutTimeLimits(
        readConfig(config ?? join(packageDir, PACKAGE_PATHS.config), config !== null),
      ),
      manifest: readJson<PackageManifest>(join(packageDir, MANIFEST_FILE)),
    };
  } catch (error) {
    if (error instanceof OptionsError) throw error;
    throw new OptionsError(`${packageDir} is not a package: ${(error as Error).message}`);
  }
}

function readConfig(file: string, isGiven: boolean): Config {
  try {
    return readJson<Config>(file);
  } catch (error) {
    if (!isGiven) throw error;
    throw new OptionsError(`The config ${file} cannot be used: ${(error as Error).message}`);
  }
}

function readJson<T>(file: string): T {
  return JSON.parse(readFileSync(file, "utf8")) as T;
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65535)
    throw new OptionsError(`The port must be a number from 0 to 65535, not ${text}.`);
  return port;
}

function checkSocket(path: string): string {
  if (Buffer.byteLength(path) < MAX_UNIX_SOCKET_PATH_BYTES) return path;
  throw new OptionsError(
    `The socket path is ${Buffer.byteLength(path)} bytes long; the system's limit is ${MAX_UNIX_SOCKET_PATH_BYTES}.`,
  );
}

function parseWorkers(text: string | undefined): number | "auto" | null {
  if (text === undefined || text === "auto") return text ?? null;
  const workers = Number(text);
  if (Number.isInteger(workers) && workers >= 1 && workers <= 256) return workers;
  throw new OptionsError(`--workers must be a whole number from 1 to 256 or auto, not ${text}.`);
}

function parseSeconds(env: NodeJS.ProcessEnv, name: string, standard: number): number {
  const seconds = Number(env[name] ?? standard);
  // Longer ones would not fit a timer.
  if (seconds > 0 && seconds < 1e6) return seconds;
  throw new OptionsError(`${name} must be a number of seconds above 0, not ${env[name]}.`);
}

function parseEnvironment(text: string | undefined): Record<string, unknown> | null {
  if (text === undefined || text === "") return null;
  try {
    return JSON.parse(text) as Record<string, unknown> | null;
  } catch {
    throw new OptionsError(`${RUNTIME_ENV.environment} is not JSON.`);
  }
}

function oneOf<T extends string>(flag: string, value: string, allowed: readonly T[]): T {
  if (allowed.includes(value as T)) return value as T;
  throw new OptionsError(`${flag} must be one of ${allowed.join(", ")}, not ${value}.`);
}
