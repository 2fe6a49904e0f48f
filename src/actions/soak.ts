import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { openModelClient } from "../client/call-model.ts";
import { AppError } from "../errors.ts";
import type { Reporter } from "../events.ts";
import type { Config } from "../protocol/config.ts";
import { type Digest, PACKAGE_PATHS } from "../protocol/manifest.ts";
import { RUNTIME_ENV } from "../protocol/runtime-env.ts";
import { startRuntime } from "../supervise/start-runtime.ts";
import { openSource } from "./serve-steps/open-source.ts";
import { drive, type Driven } from "./soak-steps/drive.ts";
import { rememberProcesses } from "./soak-steps/left-behind.ts";
import { secretValues } from "./test-steps/secret-values.ts";
import { orStopped } from "./test-steps/or-stopped.ts";
import { privateAddress } from "./test-steps/private-address.ts";

const GRACE_MS = 15_000;
/** The command line waits no longer than a second and a half for what was stopped. */
const STOPPED_GRACE_MS = 500;
/** From the end of the model's log, shown where something was found: so many lines, of no more characters. */
const LOG_LINES = 20;
const MOST_LOG = 20_000;

export interface SoakOptions {
  /** Absolute: a project, a package folder, or a package archive. */
  target: string;
  minutes: number;
  clients: number;
  /** Share of the calls whose client leaves early, 0 to 1. */
  cancel: number;
  /** Longest time for one answer. */
  answerSeconds: number;
  /** Share by which memory may grow over the judged time. */
  maxGrowth: number;
  maxBytesPerRequest: number;
  report: Reporter;
  /** Aborted to stop: what was seen so far is returned. */
  signal: AbortSignal;
  /** Told of values that must not be printed. */
  onSecrets?: (values: string[]) => void;
}

export interface SoakResult extends Driven {
  package: Digest;
  passed: boolean;
  /** It was stopped before its time. */
  stopped: boolean;
}

/**
 * Drives the packed tree with its examples and looks, between stretches of traffic, at what it holds on to. What a
 * soak must not show is data; throws AppError NO_EXAMPLES, LOAD_FAILED, RUNTIME_FAILED, and whatever a build throws.
 */
export async function soak(options: SoakOptions): Promise<SoakResult> {
  const { report, signal } = options;
  const source = await openSource(options);
  const address = await privateAddress();
  let log = "";
  try {
    const { dotenv, generation } = source;
    const config = await readConfig(generation.dir);
    options.onSecrets?.(
      await secretValues(dotenv ?? join(source.generation.dir, ".env"), Object.keys(config.secrets)),
    );
    report.emit({ type: "step", message: "loading the packed model" });
    const runtime = startRuntime({
      packageDir: generation.dir,
      listen: address.listen,
      env: { [RUNTIME_ENV.logLevel]: "warn", ...(dotenv === null ? {} : { [RUNTIME_ENV.dotenv]: dotenv }) },
      stdout: "ignore",
      stderr: "pipe",
      onOutput: (_stream, text) => {
        log = (log + text).slice(-MOST_LOG);
      },
    });
    try {
      const { digest } = await orStopped(runtime.ready, signal);
      const client = await openModelClient(await runtime.listening);
      // A server that ends by itself ends the traffic, too.
      const traffic = new AbortController();
      const signals = AbortSignal.any([signal, traffic.signal]);
      const ended = runtime.exited.then(({ code, signal: by }): never => {
        traffic.abort();
        throw new AppError(
          "RUNTIME_FAILED",
          `The inference server ended with ${by ?? code} during the soak.`,
        );
      });
      ended.catch(() => undefined);
      const processes = rememberProcesses();
      const work = drive({
        options,
        runtime,
        client,
        config,
        packageDir: generation.dir,
        processes,
        signal: signals,
      });
      const driven = await Promise.race([work, ended]).finally(() => client.close());
      work.catch(() => undefined);
      if (!signal.aborted) {
        report.emit({ type: "step", message: "looking for what is left" });
        await runtime.stop({ graceMs: GRACE_MS });
        driven.findings.push(...(await processes.left()));
      }
      const passed = driven.findings.length === 0 && !signal.aborted;
      if (!passed && log.trim() !== "") {
        report.emit({ type: "note", message: `The model's log:\n${lastLines(log)}` });
      }
      return { package: digest as Digest, passed, stopped: signal.aborted, ...driven };
    } finally {
      await runtime.stop({ graceMs: signal.aborted ? STOPPED_GRACE_MS : GRACE_MS });
    }
  } finally {
    await address.remove();
    source.dispose();
  }
}

async function readConfig(packageDir: string): Promise<Config> {
  const config = JSON.parse(await readFile(join(packageDir, PACKAGE_PATHS.config), "utf8")) as Config;
  if (config.examples.length > 0) return config;
  const { noExamples } = await import("./test-steps/no-examples.ts");
  throw noExamples(packageDir, config.model_class_name);
}

function lastLines(log: string): string {
  return log.trimEnd().split("\n").slice(-LOG_LINES).join("\n");
}
