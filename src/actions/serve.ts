import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AppError, CancelledError } from "../errors.ts";
import type { Reporter } from "../events.ts";
import type { ControlEvent, Generation } from "../protocol/control.ts";
import type { InspectAddress } from "../protocol/inspect-address.ts";
import { MANIFEST_FILE } from "../protocol/manifest.ts";
import { RUNTIME_ENV } from "../protocol/runtime-env.ts";
import type { RunningRuntime, RuntimeOptions } from "../supervise/running-runtime.ts";
import { startRuntime } from "../supervise/start-runtime.ts";
import { hostTargetName } from "../util/host-target.ts";
import { LineSplitter } from "../util/line-splitter.ts";
import { build } from "./build.ts";
import { checkDebugging, debuggingEnv, looksInside } from "./serve-steps/debugging-env.ts";
import type { WatchKeys } from "./watch-steps/watch-keys.ts";

export interface ServeOptions {
  /** Absolute: a project, a package folder, or a package archive. */
  target: string;
  port: number;
  host: string;
  /** Follow every save; projects only. */
  watch?: boolean | undefined;
  workers?: number | "auto" | undefined;
  logFormat: "pretty" | "json";
  logLevel?: string | undefined;
  /** Where a debugger can attach to the model process. */
  inspect?: (InspectAddress & { breaks: boolean }) | undefined;
  /** Absolute: a folder for CPU profiles, or a file named *.cpuprofile. */
  cpuProfile?: string | undefined;
  report: Reporter;
  /** Aborted to stop: the runtime then drains. */
  signal: AbortSignal;
  onEvent?: ((event: ControlEvent) => void) | undefined;
  /** With `watch`, at a terminal. */
  keys?: WatchKeys | undefined;
}

/** What a runtime is started from, and what is to be cleaned up after it. */
interface Source {
  generation: Generation;
  dotenv: string | null;
  dispose(): void;
}

/**
 * Runs a packed tree until it is stopped or fails. Returns after a clean drain; throws AppError PORT_IN_USE,
 * HOST_INVALID, LOAD_FAILED, RUNTIME_FAILED, and what build throws.
 */
export async function serve(options: ServeOptions): Promise<void> {
  checkDebugging(options);
  if (options.watch === true) {
    const { serveWatching } = await import("./serve-watching.ts");
    return serveWatching(options);
  }
  const source = await openSource(options);
  try {
    await runToEnd(startServing(source.generation, options, source.dotenv), options.signal);
  } finally {
    source.dispose();
  }
}

export function startServing(
  generation: Generation,
  options: ServeOptions,
  dotenv: string | null,
): RunningRuntime {
  const env: Record<string, string> = {
    [RUNTIME_ENV.mode]: "development",
    [RUNTIME_ENV.logFormat]: options.logFormat,
    // A model that cannot be loaded is waited for while its code is being edited.
    [RUNTIME_ENV.onLoadFailure]: options.watch === true ? "stay" : "exit",
  };
  if (options.logLevel !== undefined) env[RUNTIME_ENV.logLevel] = options.logLevel;
  if (options.workers !== undefined) env[RUNTIME_ENV.workers] = String(options.workers);
  Object.assign(env, debuggingEnv(options));
  if (options.keys !== undefined && process.env["NO_COLOR"] === undefined) env["FORCE_COLOR"] = "1";
  if (dotenv !== null) env[RUNTIME_ENV.dotenv] = dotenv;
  return startRuntime({
    packageDir: generation.dir,
    listen: { port: options.port, host: options.host },
    env,
    // Its events say the same, for whoever prints here.
    stdout: "ignore",
    ...outputOf(options),
    ...(options.onEvent === undefined ? {} : { onEvent: options.onEvent }),
  });
}

/** A terminal with a line that stays at its foot is written to by one process alone. */
function outputOf({ keys, report }: ServeOptions): Pick<RuntimeOptions, "stderr" | "onOutput"> {
  if (keys === undefined) return { stderr: "inherit" };
  const lines = new LineSplitter((text) => report.emit({ type: "output", text }));
  return { stderr: "pipe", onOutput: (_stream, text) => lines.push(text) };
}

/** Waits for the end of a runtime; an abort asks it to drain first. */
export async function runToEnd(
  runtime: RunningRuntime,
  signal: AbortSignal,
  { staysWhenBroken = false } = {},
): Promise<void> {
  const onAbort = (): void => void runtime.stop();
  if (signal.aborted) onAbort();
  else signal.addEventListener("abort", onAbort, { once: true });
  try {
    const failure = await Promise.race([
      runtime.exited.then(() => null),
      runtime.ready.then(
        () => null,
        (error: unknown) => (staysWhenBroken ? runtime.exited.then(() => error) : error),
      ),
    ]);
    const { code } = await runtime.exited;
    if (signal.aborted) {
      // SIGTERM is how a service is stopped: a clean drain is a success.
      const reason: unknown = signal.reason;
      if (reason instanceof CancelledError && reason.signal !== "SIGTERM") throw reason;
      return;
    }
    if (failure !== null) throw failure as Error;
    if (code !== 0)
      throw new AppError("RUNTIME_FAILED", `The inference server ended with exit code ${code}.`);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

async function openSource(options: ServeOptions): Promise<Source> {
  const { target } = options;
  const stat = statSync(target, { throwIfNoEntry: false });
  if (stat === undefined) {
    throw new AppError("INPUT_INVALID", `There is nothing at ${target}.`, {
      hint: "Name a project folder, a package folder, or an archive made by purlin build --archive.",
    });
  }
  if (stat.isFile()) return openArchive(target);
  if (statSync(join(target, MANIFEST_FILE), { throwIfNoEntry: false })?.isFile() === true) {
    return openPackage(target);
  }
  return openProject(options);
}

async function openProject(options: ServeOptions): Promise<Source> {
  const { createServingTree } = await import("../supervise/serving-tree.ts");
  const built = await build({
    dir: options.target,
    target: hostTargetName(),
    report: options.report,
    signal: options.signal,
  });
  const tree = createServingTree(options.target, { mapsToProject: looksInside(options) });
  return {
    generation: tree.add(built.path),
    dotenv: join(options.target, ".env"),
    dispose: () => tree.dispose(),
  };
}

/** Runs where it lies: a package is never written to. */
async function openPackage(dir: string): Promise<Source> {
  const { checkPackage } = await import("../pack/check-package.ts");
  const manifest = await checkPackage(dir);
  return { generation: { dir, digest: manifest.package }, dotenv: null, dispose() {} };
}

async function openArchive(file: string): Promise<Source> {
  const { unpackArchive } = await import("../pack/unpack-archive.ts");
  const parent = mkdtempSync(join(tmpdir(), "purlin-serve-"));
  const dispose = (): void => rmSync(parent, { recursive: true, force: true });
  try {
    const dir = join(parent, "package");
    const manifest = await unpackArchive(file, dir);
    return { generation: { dir, digest: manifest.package }, dotenv: null, dispose };
  } catch (error) {
    dispose();
    throw error;
  }
}
