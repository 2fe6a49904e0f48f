import type { Address } from "../../../protocol/address.ts";
import type { ControlEvent, Generation } from "../../../protocol/control.ts";
import type { DeploymentSpec } from "../../replicas/engine.ts";

/** What one replica is started with. */
export interface ReplicaSpec extends Omit<DeploymentSpec, "package"> {
  /** Unique over time: rep_... */
  id: string;
  /** The package in place, and folders beside it that the replica may have to see later. */
  packageDir: string;
  variantDirs: readonly string[];
}

export interface ReplicaHooks {
  /** One line of the runtime's output, without its line feed. */
  onLine(line: string): void;
  onEvent(event: ControlEvent): void;
}

/** Starts one replica at once; what becomes of the replica is told through it and the hooks. */
export type StartReplica = (spec: ReplicaSpec, hooks: ReplicaHooks) => Replica;

/** One replica that this process has started and holds on to. */
export interface Replica {
  readonly id: string;
  /** Where it runs, in words: "process 4711". */
  readonly place: string;
  readonly listening: Promise<Address>;
  /** Rejects with AppError LOAD_FAILED (the model's own message and stack) or RUNTIME_FAILED. */
  readonly ready: Promise<{ load_ms: number }>;
  /** Always resolves; `reason` in words: "exit code 1", "out of memory", "killed". No process of it is left then. */
  readonly exited: Promise<{ reason: string }>;
  setSecrets(secrets: Record<string, string>): void;
  /**
   * Puts the methods of another generation on the loaded model. Rejects where that cannot be done, and nothing has
   * changed then.
   */
  swapMethods(generation: Generation): Promise<void>;
  /** Drains, at most `graceMs`, then kills. May be called twice. */
  stop(options?: { graceMs?: number }): Promise<void>;
  stats(): { rssBytes: number; cpuSeconds: number } | null;
}
