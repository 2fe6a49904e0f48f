import type { ControlEvent, Generation, Vitals } from "../protocol/control.ts";

export interface RuntimeOptions {
  packageDir: string;
  listen: { port: number; host: string } | { socket: string };
  /** Laid over this process's environment; names as in protocol/runtime-env.ts. */
  env?: Record<string, string>;
  /** Nothing of this process's environment is passed on, only a PATH of the system's own folders and `env`. */
  cleanEnv?: boolean;
  /**
   * Started in place of Node, which it gets as its last arguments: a sandbox or a launcher. It must pass file
   * descriptor 3 on and end when the runtime does.
   */
  command?: { file: string; args: readonly string[] };
  /** Where the runtime's own output goes. */
  stdout: "inherit" | "pipe" | "ignore";
  stderr: "inherit" | "pipe" | "ignore";
  onEvent?: (event: ControlEvent) => void;
  /** Called with each piece of output where it is piped. */
  onOutput?: (stream: "stdout" | "stderr", text: string) => void;
}

export interface Reloaded {
  duration_ms: number;
  processes: number;
  /** How it was done: methods that could not be swapped are loaded by a new process. */
  kind: "methods" | "process";
}

export interface RunningRuntime {
  pid: number;
  /** http://host:port, or unix:PATH. Rejects when the runtime ends before it listens. */
  listening: Promise<string>;
  /** Rejects with AppError LOAD_FAILED (the model's own message) or RUNTIME_FAILED. */
  ready: Promise<{ digest: string; load_ms: number }>;
  exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /**
   * Resolves once the change answers requests; rejects with the model's own error, the old code still serving.
   * `strict`: methods or nothing.
   */
  reload(
    generation: Generation,
    kind: "methods" | "process",
    options?: { strict?: boolean },
  ): Promise<Reloaded>;
  /** Tells a model that it is deployed elsewhere now (contract §2); one that it knows already is not told again. */
  setEnvironment(environment: Record<string, unknown> | null): void;
  /** Has every process collect its garbage and tells what each holds on to. Rejects when the runtime ends. */
  vitals(): Promise<Vitals[]>;
  /** SIGTERM, then SIGKILL to the process group after `graceMs` (default 75 s); may be called twice. */
  stop(options?: { signal?: NodeJS.Signals; graceMs?: number }): Promise<void>;
}
