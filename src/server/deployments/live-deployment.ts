import { rmSync } from "node:fs";
import type { Config } from "../../protocol/config.ts";
import type { PackageManifest } from "../../protocol/manifest.ts";
import type { Engine } from "../engine.ts";
import { HostError } from "../host-error.ts";
import { ReplicaSet, type ReplicaTiming } from "../replica-set.ts";
import { Traffic } from "../router/traffic.ts";
import type { Store } from "../store/store.ts";
import type { DeploymentRow } from "./deployment-row.ts";
import { configFileOf } from "./effective-config.ts";
import { GrowingPause } from "./growing-pause.ts";
import { KnownBackends } from "./known-backends.ts";
import { toLogEntry } from "./log-entry.ts";
import { PlacedPackage } from "./placed-package.ts";
import { specOf } from "./replica-spec.ts";
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
  timing?: ReplicaTiming | undefined;
}

/** A deployment that runs, or sleeps ready to be woken: its replicas, the requests on their way to them, its scaling. */
export class LiveDeployment {
  /** What it is now: only `swapMethods` changes these two. */
  row: DeploymentRow;
  config: Config;
  readonly traffic: Traffic;
  readonly replicas: ReplicaSet;
  readonly #options: LiveOptions;
  readonly #scaling: WantedReplicas;
  readonly #placed: PlacedPackage;
  readonly backends: KnownBackends;
  #wanted = 0;
  /** The number follows the load. */
  #autoscales = false;
  #stopped = false;
  #onChange: () => void = () => undefined;
  /** Why it cannot be started, for as long as it cannot. */
  #trouble: string | null = null;
  readonly #pause = new GrowingPause();

  constructor(options: LiveOptions) {
    const { row, config, engine, store, onEvent, timing } = options;
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
    this.replicas = new ReplicaSet({
      engine,
      spec: () =>
        specOf({
          row: this.row,
          config: this.config,
          store,
          placed: this.#placed,
          secrets: options.secrets(),
        }),
      backends: this.backends,
      inFlight: (id) => this.traffic.backends().find((backend) => backend.id === id)?.inFlight ?? 0,
      onEvent: (type, message, data) => {
        onEvent(type, message, data);
        this.#onChange();
      },
      onLine: (replica, line) => store.logs.append(toLogEntry(this.row, replica, line)),
      ...(timing === undefined ? {} : { timing }),
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
    await this.scale(this.#scaling.keepAtLeast(Math.max(1, this.config.autoscaling.min_replicas, atLeast)));
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
    const of = this.#placed.dir;
    const dir = await this.#placed.variant(manifest);
    const to = { dir, digest: manifest.package };
    const replicas = await this.replicas.swapMethods(to, { dir: of, digest: this.row.package });
    this.#placed.moveTo(dir);
    this.row = row;
    if (JSON.stringify(config) !== JSON.stringify(this.config)) {
      this.config = config;
      this.#scaling.configure(config.autoscaling);
      this.keepAtLeast(config.autoscaling.min_replicas);
    }
    return replicas;
  }

  async scale(wanted: number): Promise<void> {
    this.#wanted = wanted;
    if (wanted > 0) await this.#placed.place();
    if (!this.#stopped) this.replicas.scale(this.#wanted);
  }

  async stop(options: { graceMs?: number } = {}): Promise<void> {
    this.#stopped = true;
    this.#onChange();
    this.#endTrouble();
    await this.replicas.stop(options);
    this.#placed.release();
  }

  /** For good: what was made for it goes, too. */
  async end(options: { graceMs?: number } = {}): Promise<void> {
    await this.stop(options);
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
    this.scale(wanted).then(
      () => this.#endTrouble(),
      (error: unknown) => this.#cannotStart(error),
    );
  }

  /** A full disk has room again some day: callers are told, and it is tried again. */
  #cannotStart(error: unknown): void {
    if (this.#stopped) return;
    const message = error instanceof Error ? error.message : String(error);
    if (this.#trouble !== message)
      this.#options.onEvent("unhealthy", `Its package cannot be put in place: ${message}`);
    this.traffic.refuse(
      new HostError("REPLICA_UNAVAILABLE", `The deployment cannot be started: ${message}`, { retryAfter: 5 }),
    );
    this.#trouble = message;
    this.#pause.again(() => this.#scaleTo(this.#wanted));
  }

  #endTrouble(): void {
    this.#pause.end();
    if (this.#trouble !== null && !this.#stopped) this.traffic.refuse(null);
    this.#trouble = null;
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
