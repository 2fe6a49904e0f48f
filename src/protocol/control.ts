/**
 * What the process that started a runtime (serve, a host) and the runtime's front say to each other:
 * one JSON object a line, both ways, on the file descriptor named by PURLIN_CONTROL_FD.
 * When that channel closes, the front drains and exits: it never outlives who started it.
 */

/** Where a generation of a model lies. A watch session makes a new folder for every change. */
export interface Generation {
  /** Package root, absolute: code/, config/, data/, deps/ are below it. */
  dir: string;
  /** Package digest: what /health/ready and status report as live. */
  digest: string;
  /** File of the effective config, as RUNTIME_ENV.config; without one, the config in use is kept. */
  config?: string;
  /** For this change, instead of what RUNTIME_ENV.examples says. */
  examples?: ExampleMode;
}

/**
 * `check`: an answer that differs from the output of its example keeps the code from going live. `tell`: it is told,
 * and the code goes live. An example that fails is an error in both.
 */
export type ExampleMode = "check" | "tell";

/** How the answer to an example differs from the output that config.yaml gives, as a sentence. */
export interface ExampleDifference {
  name: string;
  difference: string;
}

export type ControlRequest =
  /**
   * `methods`: put the new class's methods on the loaded instance. `process`: load a new process, then switch.
   * What a process was started with cannot be changed in it: with another `config`, `methods` means `process`.
   * `strict`: where methods cannot be swapped, nothing else is tried.
   */
  | { type: "reload"; id: number; generation: Generation; kind: "methods" | "process"; strict?: boolean }
  | { type: "environment"; environment: Record<string, unknown> | null }
  /** Answered by an event of the same type and id. */
  | { type: "vitals"; id: number };

/** What a process of a runtime holds on to: taken after its garbage has been collected. */
export interface Vitals {
  /** Of the model process; 0 is the front. */
  worker: number;
  pid: number;
  /** Bytes of objects, and of buffers outside the heap. */
  retained: number;
  resident: number;
  /** Open files and sockets; null where the system does not tell. */
  files: number | null;
  /** Timers, servers, sockets and requests that keep its event loop alive. */
  handles: number;
}

export type ControlEvent =
  | { type: "listening"; url: string }
  | { type: "loading" }
  | { type: "ready"; digest: string; load_ms: number }
  /** The model cannot be loaded; `error` is its own message, `stack` source-mapped and trimmed. */
  | { type: "failed"; error: string; stack?: string; reason: string }
  | { type: "crashed"; reason: string }
  /** With `tell`: what the examples of the code that goes live now were answered with; before `ready`, `reloaded`. */
  | { type: "examples"; differences: ExampleDifference[] }
  /** Of the processes that answered in time, the front first. */
  | { type: "vitals"; id: number; processes: Vitals[] }
  /** A debugger can attach to the model process there; again after each process that takes over. */
  | { type: "debugger"; url: string }
  /** What a model process did, in a file that Chrome and editors open. */
  | { type: "cpu-profile"; file: string; seconds: number }
  /** `kind` is how it was done: `methods` that could not be swapped are loaded by a new process. */
  | {
      type: "reloaded";
      id: number;
      ok: true;
      digest: string;
      duration_ms: number;
      processes: number;
      kind?: "methods" | "process";
    }
  /** `reason`: the step in which it failed, as in `failed`. */
  | { type: "reloaded"; id: number; ok: false; error: string; reason?: string; stack?: string };
