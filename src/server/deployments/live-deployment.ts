import type { Config } from "../../protocol/config.ts";
import { parseBytes, parseCpu } from "../../project/quantity.ts";
import { Autoscaler } from "../autoscaler.ts";
import type { Engine } from "../engine.ts";
import { HostError } from "../host-error.ts";
import { ReplicaSet, type ReplicaTiming } from "../replica-set.ts";
import { Traffic } from "../router/traffic.ts";
import type { Store } from "../store/store.ts";
import type { DeploymentRow } from "./deployment-row.ts";
import { configFileOf } from "./effective-config.ts";
import { toLogEntry } from "./log-entry.ts";

/** A request waits so long for a replica, and so many wait at most. */
const WAIT_MS = 60_000;
const MAX_WAITING = 1000;

export interface LiveOptions {
  row: DeploymentRow;
  config: Config;
  store: Store;
  engine: Engine;
  secrets(): Record<string, string>;
  onEvent(type: string, message: string, data?: Record<string, unknown>): void;
  timing?: ReplicaTiming | undefined;
}

/** A deployment that runs, or sleeps ready to be woken: its replicas, the requests on their way to them, its scaling. */
export class LiveDeployment {
  readonly row: DeploymentRow;
  readonly config: Config;
  readonly traffic: Traffic;
  readonly replicas: ReplicaSet;
  readonly #options: LiveOptions;
  readonly #scaler: Autoscaler;
  readonly #release: () => void;
  #packageDir: string | null = null;
  #placing: Promise<void> | null = null;
  #wanted = 0;
  #scaling = false;
  #stopped = false;

  constructor(options: LiveOptions) {
    const { row, config, engine, store, onEvent, timing } = options;
    this.#options = options;
    this.row = row;
    this.config = config;
    this.#release = store.packages.hold(row.package);
    this.#scaler = new Autoscaler(config.autoscaling);
    this.traffic = new Traffic({
      maxWaiting: MAX_WAITING,
      waitMs: WAIT_MS,
      onDemand: () => this.#wake(),
      // Ready by its word alone: one whose requests are all lost is found by them.
      onOutcome: (id, outcome) => {
        if (outcome !== "cancelled") this.replicas.reportOutcome(id, typeof outcome === "object");
      },
    });
    const ids = new Map<string, number>();
    this.replicas = new ReplicaSet({
      engine,
      spec: () => this.#spec(),
      backends: this.traffic,
      inFlight: (id) => {
        ids.clear();
        for (const backend of this.traffic.backends()) ids.set(backend.id, backend.inFlight);
        return ids.get(id) ?? 0;
      },
      onEvent,
      onLine: (replica, line) => store.logs.append(toLogEntry(row, replica, line)),
      ...(timing === undefined ? {} : { timing }),
    });
  }

  get wanted(): number {
    return this.#wanted;
  }

  /** Starts what is wanted at least, or one as a proof that the model loads. Rejects with the model's own error. */
  async prove(): Promise<void> {
    await this.scale(Math.max(1, this.config.autoscaling.min_replicas));
    await this.replicas.firstReady;
  }

  /** Live before this host was started: comes up by itself, or sleeps where it may. */
  resume(): void {
    this.replicas.assumeProven();
    const { min_replicas: least } = this.config.autoscaling;
    this.autoscale();
    if (least > 0) this.scale(least).catch((error: unknown) => this.#cannotStart(error));
  }

  /** From now on the number follows the load. */
  autoscale(): void {
    this.#scaling = true;
  }

  /** Looked at once a second. */
  tick(atMs: number): void {
    if (!this.#scaling || this.#stopped) return;
    const { inFlight, queued } = this.traffic.load();
    const { ready } = this.replicas;
    const wanted = this.#scaler.observe({
      atMs,
      inFlight,
      queued: Math.max(queued, this.traffic.queued),
      ready: Math.max(ready, this.#wanted),
    });
    if (wanted === this.#wanted) return;
    this.#options.onEvent("scaled", `${this.#wanted} to ${wanted} replicas`, {
      from: this.#wanted,
      to: wanted,
    });
    this.scale(wanted).catch((error: unknown) => this.#cannotStart(error));
  }

  async scale(wanted: number): Promise<void> {
    this.#wanted = wanted;
    if (wanted > 0) await this.#place();
    if (!this.#stopped) this.replicas.scale(this.#wanted);
  }

  async stop(options: { graceMs?: number } = {}): Promise<void> {
    this.#stopped = true;
    await this.replicas.stop(options);
    this.#release();
  }

  #wake(): void {
    if (this.#wanted > 0 || this.#stopped || !this.#scaling) return;
    this.#options.onEvent("woken", "A request came; a replica is started");
    this.scale(1).catch((error: unknown) => this.#cannotStart(error));
  }

  #cannotStart(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    this.#options.onEvent("unhealthy", `Its package cannot be put in place: ${message}`);
    this.traffic.refuse(new HostError("REPLICA_UNAVAILABLE", `The deployment cannot be started: ${message}`));
  }

  #place(): Promise<void> {
    this.#placing ??= this.#options.store.packages.place(this.row.package).then(
      (dir) => void (this.#packageDir = dir),
      (error: unknown) => {
        this.#placing = null;
        throw error;
      },
    );
    return this.#placing;
  }

  #spec(): ReturnType<ConstructorParameters<typeof ReplicaSet>[0]["spec"]> {
    const { row, config, store, secrets } = this.#options;
    return {
      model: row.model,
      environment: row.environment,
      deployment: row.id,
      packageDir: this.#packageDir as string,
      treesDir: store.packages.treesDir,
      configFile: configFileOf(store, row),
      environmentInfo: { name: row.environment },
      secrets: secrets(),
      memoryBytes: parseBytes(config.resources.memory) ?? 2 * 1024 ** 3,
      cpus: parseCpu(config.resources.cpu) ?? 1,
      development: row.environment === "development",
    };
  }
}
