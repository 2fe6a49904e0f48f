import type { ControlEvent, Generation } from "../protocol/control.ts";

/** Where models run. Each engine is a folder in engines/, and passes test/contract/engine-contract.ts. */
export interface Engine {
  readonly name: string;
  /** What keeps a model from the host and from its neighbours here, a sentence each; told on start-up. */
  isolation(): Promise<string[]>;
  /** Starts one replica at once; what becomes of it is told through `Replica`. */
  start(spec: ReplicaSpec, hooks: ReplicaHooks): Replica;
  /** Ends every replica at once, without draining; resolves when no process of theirs is left. */
  close(): Promise<void>;
}

export interface ReplicaSpec {
  /** Unique over time: rep_... */
  id: string;
  model: string;
  environment: string;
  deployment: string;
  /** The package in place, never written to. Its layers may be links to `treesDir`. */
  packageDir: string;
  /** Folder that links in the package lead to: a sandbox shows it, read-only. */
  treesDir: string;
  /** Folder where variants of the package come to lie while it runs; null where none will. A sandbox shows it, read-only. */
  variantsDir: string | null;
  /** JSON file with the config that holds in this environment. */
  configFile: string;
  /** Ends up as the model's `environment`: {name, ...}. */
  environmentInfo: Record<string, unknown>;
  /** Only those that the config names. */
  secrets: Record<string, string>;
  memoryBytes: number;
  /** Cores; 0.5 is half of one. */
  cpus: number;
  /** Outputs are validated, stacks are told. */
  development: boolean;
}

export interface ReplicaHooks {
  /** One line of the runtime's output, without its line feed; a JSON object where the runtime wrote it. */
  onLine(line: string): void;
  onEvent(event: ControlEvent): void;
}

export interface Replica {
  readonly id: string;
  /** unix:PATH, set once `listening` resolves. */
  readonly listening: Promise<string>;
  /** Rejects with AppError LOAD_FAILED (the model's own message and stack) or RUNTIME_FAILED. */
  readonly ready: Promise<{ load_ms: number }>;
  /** Always resolves; `reason` in words: "exit code 1", "out of memory", "killed". No process of it is left then. */
  readonly exited: Promise<{ reason: string }>;
  readonly pid: number | null;
  setEnvironment(environment: Record<string, unknown>): void;
  /** Rotation without a restart. */
  setSecrets(secrets: Record<string, string>): void;
  /**
   * Puts the methods of another generation on the loaded model, for development deployments. Rejects where that cannot
   * be done, and nothing has changed then.
   */
  swapMethods(generation: Generation): Promise<void>;
  /** Drains, at most `graceMs`, then kills. May be called twice. */
  stop(options?: { graceMs?: number }): Promise<void>;
  stats(): { rssBytes: number; cpuSeconds: number } | null;
}
