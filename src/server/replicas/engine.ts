import type { Address } from "../../protocol/address.ts";
import type { Config } from "../../protocol/config.ts";
import type { DeploymentError, ReplicaInfo } from "../../protocol/host-api.ts";
import type { Digest } from "../../protocol/manifest.ts";

/**
 * Where models run. An engine is told how many replicas of a deployment to keep and reports what is there; how
 * replicas are started, probed, restarted and spread is the engine's own affair. Each engine is a folder in engines/
 * with a row in engines/index.ts, and passes test/contract/engine-contract.ts.
 */
export interface Engine {
  readonly name: string;
  /** What this engine can do. Callers ask here, and never for the engine's name. */
  readonly capabilities: EngineCapabilities;
  /** What keeps a model from the host and from its neighbours here, a sentence each; told at the start. */
  isolation(): Promise<string[]>;
  /**
   * Called once, before the first `run`. Replicas that an earlier host has left and that belong to none of these
   * deployments end; where `survivesHost`, `run` takes the others over.
   */
  adopt(deployments: readonly string[]): Promise<void>;
  /** A group without replicas; `scale` starts them. One group a deployment. */
  run(spec: DeploymentSpec, hooks: GroupHooks): ReplicaGroup;
  /** The host ends: so does every replica that does not survive it. No process of the engine is left then. */
  close(): Promise<void>;
}

export interface EngineCapabilities {
  /** `swapMethods` puts new code on replicas that run. */
  swapsInPlace: boolean;
  /** Replicas go on answering while no host runs. */
  survivesHost: boolean;
}

/** What runs, wherever it runs. */
export interface DeploymentSpec {
  /** Unique over time: dep_... */
  deployment: string;
  model: string;
  environment: string;
  package: PackageReference;
  /** As it holds in this environment. */
  config: Config;
  /** Ends up as the model's `environment`: {name, ...}. */
  environmentInfo: Record<string, unknown>;
  /** Values of the secrets that the config names and that are set. */
  secrets: Record<string, string>;
  resources: ReplicaResources;
  /** Outputs are validated, stacks are told, methods may be swapped. */
  development: boolean;
}

export interface ReplicaResources {
  /** What the model may use; the server in front of it comes on top. */
  memoryBytes: number;
  /** Cores; 0.5 is half of one. */
  cpus: number;
  /** As in config.yaml: "H100:2"; null for none. */
  accelerator: string | null;
}

/** A package by its digest, and how an engine of this machine gets at its files. */
export interface PackageReference {
  readonly digest: Digest;
  /** Puts the files in place where they are not yet. Rejects where that cannot be done now: a full disk. */
  local(): Promise<LocalPackage>;
}

export interface LocalPackage {
  /** The package in place, never written to. Its layers may be links to other folders. */
  dir: string;
  /** Folders that later variants of the package come to lie in while replicas run. */
  variantDirs: readonly string[];
}

export interface GroupHooks {
  /** Where the requests go. */
  backends: Backends;
  /** Requests that a replica has now. */
  inFlight(replica: string): number;
  /** For the timeline of the deployment. */
  onEvent(type: string, message: string, data?: Record<string, unknown>): void;
  /** One line of a replica's output, without its line feed; a JSON object where the runtime wrote it. */
  onLine(replica: string, line: string): void;
  /** Why nothing can be started now, in words; null once that is over. The engine goes on trying. */
  onTrouble(why: string | null): void;
}

export interface Backends {
  add(backend: { id: string; address: Address }): void;
  /** Resolves when the last request of that replica is over. */
  remove(id: string): Promise<void>;
}

/** The replicas of one deployment. */
export interface ReplicaGroup {
  /** The first replica is ready; rejects with the model's own error where the first one cannot be loaded. */
  readonly firstReady: Promise<void>;
  /** How many take requests. */
  readonly ready: number;
  /** Why replicas do not come up, for as long as they do not. */
  readonly lastError: DeploymentError | null;
  /** The deployment has served before: replicas that fail are started again, and nothing is given up. */
  assumeProven(): void;
  /** Keep that many. Returns at once. */
  scale(replicas: number): void;
  list(): SeenReplica[];
  /** New values reach the replicas that run, without a restart. */
  setSecrets(secrets: Record<string, string>): void;
  /** Replicas that start from now on have this config; those that run keep theirs. */
  setConfig(config: Config): void;
  /**
   * Puts the methods of another package on every ready replica, or on none; replicas that are not ready start anew.
   * Returns how many replicas have them. Throws what the first one said that did not take them.
   */
  swapMethods(to: PackageReference): Promise<number>;
  /** Told of each request: `ok` unless its connection broke or gave no answer. A model's own errors are answers. */
  reportOutcome(replica: string, ok: boolean): void;
  /** For good: the replicas drain, at most `graceMs`, then end. */
  stop(options?: { graceMs?: number }): Promise<void>;
  /** The host ends, the deployment does not: as `stop`, except for replicas that survive the host. */
  leave(options?: { graceMs?: number }): Promise<void>;
}

/** A replica as the engine sees it; `place` says where it runs, in words. */
export type SeenReplica = Omit<ReplicaInfo, "deployment" | "package">;
