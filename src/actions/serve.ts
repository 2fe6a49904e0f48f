import { AppError, CancelledError } from "../errors.ts";
import type { Reporter } from "../events.ts";
import type { ControlEvent, Generation } from "../protocol/control.ts";
import type { InspectAddress } from "../protocol/inspect-address.ts";
import { RUNTIME_ENV } from "../protocol/runtime-env.ts";
import type { RunningRuntime, RuntimeOptions } from "../supervise/running-runtime.ts";
import { startRuntime } from "../supervise/start-runtime.ts";
import { LineSplitter } from "../util/line-splitter.ts";
import { checkDebugging, debuggingEnv, looksInside } from "./serve-steps/debugging-env.ts";
import { openSource } from "./serve-steps/open-source.ts";
import type { WatchKeys } from "./watch-steps/watch-keys.ts";

export interface ServeOptions {
  /** Absolute: a project, a package folder, or a package archive. */
  target: string;
  port: number;
  host: string;
  /** Follow every save; projects only. */
  watch?: boolean | undefined;
  /** With `watch`: code whose answers are not those of its examples does not go live. */
  strictExamples?: boolean | undefined;
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
  const source = await openSource({ ...options, mapsToProject: looksInside(options) });
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
  if (options.watch === true && options.strictExamples !== true) env[RUNTIME_ENV.examples] = "tell";
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
