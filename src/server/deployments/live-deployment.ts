import { rmSync } from "node:fs";
import type { Config } from "../../protocol/config.ts";
import type { PackageManifest } from "../../protocol/manifest.ts";
import { HostError } from "../host-error.ts";
import type { Engine, ReplicaGroup } from "../replicas/engine.ts";
import { Traffic } from "../router/traffic.ts";
import type { Store } from "../store/store.ts";
import type { DeploymentRow } from "./deployment-row.ts";
import { deploymentSpec } from "./deployment-spec.ts";
import { configFileOf } from "./effective-config.ts";
import { KnownBackends } from "./known-backends.ts";
import { toLogEntry } from "./log-entry.ts";
import { PlacedPackage } from "./placed-package.ts";
import { WantedReplicas } from "./wanted-replicas.ts";

/** A request waits so long for a replica, and so many wait at most. */
const WAIT_MS = 60_000;
const MAX_WAITING = 1000;
/** For the further replicas of a deployment whose first one is ready. */
const SETTLE_MS = 60_000;

export interface LiveOptions {
  row: DeploymentRow;
  config: Config;
  store: Store;
  engine: Engine;
  secrets(): Record<string, string>;
  onEvent(type: string, message: string, data?: Record<string, unknown>): void;
}

/** A deployment that runs, or sleeps ready to be woken: its replicas, the requests on their way to them, its scaling. */
export class LiveDeployment {
  /** What it is now: only `swapMethods` changes these two. */
  row: DeploymentRow;
  config: Config;
  readonly traffic: Traffic;
  readonly replicas: ReplicaGroup;
  readonly #options: LiveOptions;
  readonly #scaling: WantedReplicas;
  readonly #placed: PlacedPackage;
  readonly backends: KnownBackends;
  #wanted = 0;
  /** The number follows the load. */
  #autoscales = false;
  #stopped = false;
  #onChange: () => void = () => undefined;

  constructor(options: LiveOptions) {
    const { row, config, engine, store, onEvent } = options;
    this.#options = options;
    this.row = row;
    this.config = config;
    this.#placed = new PlacedPackage(store, row);
    this.#scaling = new WantedReplicas(config.autoscaling);
    this.traffic = new Traffic({
      maxWaiting: MAX_WAITING,
      waitMs: WAIT_MS,
      onDemand: () => this.#wake(),
      // Ready by its word alone: one whose requests are all lost is found by them.
      onOutcome: (id, outcome) => {
        if (outcome !== "cancelled") this.replicas.reportOutcome(id, typeof outcome === "object");
      },
    });
    this.backends = new KnownBackends(this.traffic);
    const spec = deploymentSpec({
      row,
      config,
      package: this.#placed.reference,
      secrets: options.secrets(),
    });
    this.replicas = engine.run(spec, {
      backends: this.backends,
      inFlight: (id) => this.traffic.backends().find((backend) => backend.id === id)?.inFlight ?? 0,
      onEvent: (type, message, data) => {
        onEvent(type, message, data);
        this.#onChange();
      },
      onLine: (replica, line) => store.logs.append(toLogEntry(this.row, replica, line)),
      onTrouble: (why) => this.traffic.refuse(why === null ? null : cannotStart(why)),
    });
  }

  get wanted(): number {
    return this.#wanted;
  }

  /** None takes requests, although some should. */
  get isAway(): boolean {
    return this.#wanted > 0 && this.replicas.ready === 0;
  }

  /**
   * Starts what is wanted at least, or one as a proof that the model loads; with `atLeast`, as many as that, within the
   * limits of its config. Resolves when they are ready. Rejects with the model's own error.
   */
  async prove(atLeast = 0): Promise<void> {
    this.#scaleTo(this.#scaling.keepAtLeast(Math.max(1, this.config.autoscaling.min_replicas, atLeast)));
    await this.replicas.firstReady;
    await this.#settled();
  }

  /** The load that another one had is its own from now on: not fewer replicas until that was seen for a while. */
  keepAtLeast(replicas: number): void {
    const floor = this.#scaling.keepAtLeast(replicas);
    if (this.#autoscales && floor > this.#wanted) this.#scaleTo(floor);
  }

  /** Live before this host was started: comes up by itself, or sleeps where it may. */
  resume(): void {
    this.replicas.assumeProven();
    const { min_replicas: least } = this.config.autoscaling;
    this.autoscale();
    if (least > 0) this.#scaleTo(least);
  }

  /** From now on the number follows the load. */
  autoscale(): void {
    this.#autoscales = true;
  }

  /** Looked at once a second. */
  tick(atMs: number): void {
    if (!this.#autoscales || this.#stopped) return;
    const { inFlight, queued } = this.traffic.load();
    const waiting = Math.max(queued, this.traffic.queued);
    // Asleep, and nobody calls: a thousand of these cost nothing.
    if (this.#wanted === 0 && inFlight === 0 && waiting === 0) return;
    const { ready } = this.replicas;
    const wanted = this.#scaling.observe({
      atMs,
      inFlight,
      queued: waiting,
      ready: Math.max(ready, this.#wanted),
    });
    if (wanted === this.#wanted) return;
    this.#options.onEvent("scaled", `${this.#wanted} to ${wanted} replicas`, {
      from: this.#wanted,
      to: wanted,
    });
    this.#scaleTo(wanted);
  }

  /** One replica at least, whatever the load, for as long as somebody works with it. */
  keepAwake(awake: boolean): void {
    this.#scaling.awake = awake;
    if (awake && this.#autoscales && this.#wanted === 0) this.#scaleTo(1);
  }

  /**
   * Its replicas get the methods of another package, which differs by code and settings of the host alone; `row` and
   * `config` are those that hold then. Throws the model's own error, and nothing has changed.
   */
  async swapMethods(manifest: PackageManifest, { row, config }: { row: DeploymentRow; config: Config }) {
    const replicas = await this.replicas.swapMethods(this.#placed.variant(manifest));
    this.row = row;
    if (JSON.stringify(config) !== JSON.stringify(this.config)) {
      this.config = config;
      this.replicas.setConfig(config);
      this.#scaling.configure(config.autoscaling);
      this.keepAtLeast(config.autoscaling.min_replicas);
    }
    return replicas;
  }

  /** The host ends; the deployment goes on, with this host or the next one. */
  async leave(options: { graceMs?: number } = {}): Promise<void> {
    this.#stop();
    await this.replicas.leave(options);
    this.#placed.release();
  }

  /** For good: what was made for it goes, too. */
  async end(options: { graceMs?: number } = {}): Promise<void> {
    this.#stop();
    await this.replicas.stop(options);
    this.#placed.release();
    try {
      rmSync(configFileOf(this.#options.store, this.row), { force: true });
      this.#placed.removeVariants();
    } catch {
      // A few bytes that stay on a disk which takes no changes.
    }
  }

  #wake(): void {
    if (this.#wanted > 0 || this.#stopped || !this.#autoscales) return;
    this.#options.onEvent("woken", "A request came; a replica is started");
    this.#scaleTo(1);
  }

  #scaleTo(wanted: number): void {
    this.#wanted = wanted;
    if (!this.#stopped) this.replicas.scale(wanted);
  }

  #stop(): void {
    this.#stopped = true;
    this.#onChange();
  }

  /** All that are wanted are ready; or one of them has failed, which the first one did not; or it takes too long. */
  async #settled(): Promise<void> {
    if (this.replicas.ready >= this.#wanted || this.#stopped) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, SETTLE_MS);
      this.#onChange = () => {
        const { ready, lastError } = this.replicas;
        if (ready < this.#wanted && lastError === null && !this.#stopped) return;
        clearTimeout(timer);
        resolve();
      };
    });
    this.#onChange = () => undefined;
  }
}

const cannotStart = (why: string): HostError =>
  new HostError("REPLICA_UNAVAILABLE", `The deployment cannot be started: ${why}`, { retryAfter: 5 });
