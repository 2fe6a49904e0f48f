import { spawn, type ChildProcess } from "node:child_process";
import { join } from "node:path";
import type { Socket } from "node:net";
import { AppError } from "../errors.ts";
import type { ControlEvent, ControlRequest, Vitals } from "../protocol/control.ts";
import { PACKAGE_PATHS } from "../protocol/manifest.ts";
import { RUNTIME_ENV } from "../protocol/runtime-env.ts";
import { readControlEvent } from "./read-control-event.ts";
import { runtimeError } from "./runtime-error.ts";
import type { Reloaded, RunningRuntime, RuntimeOptions } from "./running-runtime.ts";

const CONTROL_FD = 3;
/** An event has a stack and a message at most. */
const MOST_EVENT_CHARS = 4 * 1024 * 1024;
/** Above the runtime's own limits for draining (60 s) and `shutdown()` (10 s). */
const DEFAULT_GRACE_MS = 75_000;
/**
 * The front's garbage is small and dies young: V8's 16 MB for it would be a fifth of the memory of front and model
 * together. Less than 4 MB costs throughput.
 */
const NODE_FLAGS = ["--max-semi-space-size=4"];
const SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Starts a packed runtime as a process group of its own and follows it through its control channel. */
export function startRuntime(options: RuntimeOptions): RunningRuntime {
  const front = join(options.packageDir, PACKAGE_PATHS.front);
  const { file, args } =
    options.command === undefined
      ? { file: process.execPath, args: [] }
      : { file: options.command.file, args: [...options.command.args, process.execPath] };
  const child = spawn(file, [...args, ...NODE_FLAGS, front], {
    cwd: options.packageDir,
    // Its own group: a terminal's Ctrl-C reaches the command, which passes it on once.
    detached: true,
    stdio: ["ignore", options.stdout, options.stderr, "pipe"],
    env: { ...runtimeEnv(options), ...options.env },
  });
  return follow(child, options);
}

function follow(child: ChildProcess, options: RuntimeOptions): RunningRuntime {
  const listening = deferred<string>();
  const ready = deferred<{ digest: string; load_ms: number }>();
  const reloads = new Map<number, { asked: "methods" | "process"; done: Deferred<Reloaded> }>();
  const vitals = new Map<number, Deferred<Vitals[]>>();
  let lastFailure: Extract<ControlEvent, { type: "failed" }> | null = null;
  let nextId = 1;

  const onEvent = (event: ControlEvent): void => {
    if (event.type === "listening") listening.resolve(event.url);
    if (event.type === "ready") ready.resolve({ digest: event.digest, load_ms: event.load_ms });
    if (event.type === "failed") {
      lastFailure = event;
      const error = runtimeError(event, options.listen);
      ready.reject(error);
      if (event.reason.startsWith("listen")) listening.reject(error);
    }
    if (event.type === "reloaded") {
      const reload = reloads.get(event.id);
      reloads.delete(event.id);
      // A runtime of an earlier version does not tell.
      if (event.ok) {
        const { duration_ms, processes, kind = reload?.asked ?? "process" } = event;
        reload?.done.resolve({ duration_ms, processes, kind });
      } else reload?.done.reject(runtimeError({ ...event, reason: "reload" }, options.listen));
    }
    if (event.type === "vitals") {
      vitals.get(event.id)?.resolve(event.processes);
      vitals.delete(event.id);
    }
    options.onEvent?.(event);
  };
  const control = child.stdio[CONTROL_FD] as Socket;
  let broken = false;
  const hear = (line: string | null): void => {
    const event = line === null ? null : readControlEvent(line);
    if (event !== null && !broken) return onEvent(event);
    // Whatever speaks there is not a runtime any more: nothing that it says is believed, and it ends.
    broken = true;
    if (child.pid !== undefined) killGroup(child.pid);
  };
  readLines(control, hear);
  for (const stream of ["stdout", "stderr"] as const) {
    child[stream]?.setEncoding("utf8").on("data", (text: string) => options.onOutput?.(stream, text));
  }

  /** Why nothing more will be answered. */
  let ended: AppError | null = null;
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    const end = (code: number | null, signal: NodeJS.Signals | null, why: string): void => {
      const error =
        lastFailure === null || broken
          ? new AppError("RUNTIME_FAILED", broken ? `${why} It broke the control protocol.` : why)
          : runtimeError(lastFailure, options.listen);
      listening.reject(error);
      ready.reject(error);
      for (const { done } of reloads.values()) done.reject(error);
      for (const asked of vitals.values()) asked.reject(error);
      ended = error;
      resolve({ code, signal });
    };
    child.on("error", (error) =>
      end(null, null, `The inference server could not be started: ${error.message}`),
    );
    // `close`: the control channel's last words have been read by then.
    child.on("close", (code, signal) =>
      end(code, signal, `The inference server ended with ${signal ?? code}.`),
    );
  });

  const tell = (request: ControlRequest): void => void control.write(`${JSON.stringify(request)}\n`);

  return {
    pid: child.pid ?? -1,
    listening: listening.promise,
    ready: ready.promise,
    exited,
    reload(generation, kind, { strict = false } = {}) {
      const id = nextId++;
      const done = deferred<Reloaded>();
      if (ended !== null) done.reject(ended);
      reloads.set(id, { asked: kind, done });
      tell({ type: "reload", id, generation, kind, strict });
      return done.promise;
    },
    vitals() {
      const id = nextId++;
      const asked = deferred<Vitals[]>();
      if (ended !== null) asked.reject(ended);
      vitals.set(id, asked);
      tell({ type: "vitals", id });
      return asked.promise;
    },
    setEnvironment: (environment) => tell({ type: "environment", environment }),
    async stop({ signal = "SIGTERM", graceMs = DEFAULT_GRACE_MS } = {}) {
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
      // A launcher may keep signals to itself; the end of the control channel reaches the runtime in any case.
      if (signal === "SIGKILL") killGroup(child.pid);
      else if (options.command === undefined) child.kill(signal);
      else control.end();
      const timer = setTimeout(killGroup, graceMs, child.pid);
      await exited;
      clearTimeout(timer);
    },
  };
}

function runtimeEnv(options: RuntimeOptions): NodeJS.ProcessEnv {
  const env = options.cleanEnv === true ? { PATH: SYSTEM_PATH } : inheritedEnv();
  env[RUNTIME_ENV.packageDir] = options.packageDir;
  env[RUNTIME_ENV.controlFd] = String(CONTROL_FD);
  if ("socket" in options.listen) env[RUNTIME_ENV.socket] = options.listen.socket;
  else {
    env[RUNTIME_ENV.port] = String(options.listen.port);
    env[RUNTIME_ENV.host] = options.listen.host;
  }
  return env;
}

/** The runtime and its launcher; model processes are groups of their own and end with the runtime. */
function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** The user's environment without what npm and an outer runtime put there. */
function inheritedEnv(): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = {};
  const own = new Set<string>(Object.values(RUNTIME_ENV));
  own.delete(RUNTIME_ENV.secretsDir);
  for (const [name, value] of Object.entries(process.env)) {
    if (!name.startsWith("npm_") && !own.has(name)) env[name] = value;
  }
  return env;
}

/** `onLine` gets null for a line that is longer than any event. */
function readLines(stream: Socket, onLine: (line: string | null) => void): void {
  let held = "";
  stream.setEncoding("utf8");
  stream.on("error", () => undefined);
  stream.on("data", (text: string) => {
    const lines = (held + text).split("\n");
    held = lines.pop() as string;
    for (const line of lines) if (line !== "") onLine(line);
    if (held.length <= MOST_EVENT_CHARS) return;
    held = "";
    onLine(null);
  });
}

interface Deferred<T> {
  promise: Promise<T>;
  resolve(value: T): void;
  reject(error: Error): void;
}

function deferred<T>(): Deferred<T> {
  let resolve!: (value: T) => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<T>((res, rej) => {
    resolve = res;
    reject = rej;
  });
  // Callers await only what they need; the others must not end the process.
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}
