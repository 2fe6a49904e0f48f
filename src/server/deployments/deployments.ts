import type {
  DeploymentEvent,
  DeploymentInfo,
  EnvironmentInfo,
  ModelList,
  ModelStatus,
} from "../../protocol/host-api.ts";
import type { Engine } from "../replicas/engine.ts";
import { HostError } from "../host-error.ts";
import { asDeploymentError } from "../replicas/deployment-error.ts";
import { judge } from "./rollout-judge.ts";
import type { RouteTable } from "../router/router.ts";
import type { Traffic } from "../router/traffic.ts";
import type { Store } from "../store/store.ts";
import { modelList, modelStatus } from "./model-views.ts";
import { deploymentInfo, type DeploymentRow } from "./deployment-row.ts";
import { DeploymentRows } from "./deployment-rows.ts";
import { DEVELOPMENT } from "../../protocol/development.ts";
import { effectiveConfig } from "./effective-config.ts";
import { checkRequest, type CreateRequest, earlierOf, promoted, requireModel } from "./deployment-choice.ts";
import { environmentInfo } from "./environment-info.ts";
import { LiveDeployment } from "./live-deployment.ts";
import { LiveEnvironment } from "./live-environment.ts";
import { orAborted } from "./or-aborted.ts";

const TICK_MS = 1000;
/** Looks in a row that find no replica of a rollout: its share goes to what serves, and then it is taken back. */
const AWAY_TICKS = 3;
const LOST_TICKS = 15;
/** How long requests of a deployment that is replaced may go on. */
const DRAIN_MS = 75_000;

export interface DeploymentsOptions {
  store: Store;
  engine: Engine;
  /** Values of those secrets that are set. */
  secretsFor(names: readonly string[]): Record<string, string>;
  /** What could not be done, nor told anybody: a full disk, a bug. */
  onError?(error: unknown): void;
  now?: () => Date;
  /** How often load and rollouts are looked at; default: a second. */
  tickMs?: number;
}

/**
 * Which deployment of a model serves which environment, and how another one takes over: what serves goes on until the
 * new one has loaded; then one row is written, and the new one serves; then the old one ends its requests.
 */
export class Deployments implements RouteTable {
  readonly rows: DeploymentRows;
  readonly #options: DeploymentsOptions;
  readonly #environments = new Map<string, LiveEnvironment>();
  /** Deployments whose answers must be those of their examples, although they are of an environment that only tells. */
  readonly #strict = new Set<string>();
  #ticker: NodeJS.Timeout | null = null;
  #closed = false;

  constructor(options: DeploymentsOptions) {
    this.#options = options;
    this.rows = new DeploymentRows(options.store.db, options.now ?? (() => new Date()));
  }

  /** Everything that served serves again; what was on its way goes on. Requests that come meanwhile wait. */
  async start(): Promise<void> {
    await this.#options.engine.adopt(this.#expected());
    for (const row of this.rows.environments()) {
      const environment = this.#environment(row.model, row.name);
      this.#resume(row.serving, (live) => (environment.serving = live));
      const { rollout_deployment, rollout_percent: percent } = row;
      if (percent !== null)
        this.#resume(rollout_deployment, (live) => environment.startRollout(live, percent));
    }
    for (const row of this.rows.underWay()) {
      if (this.rows.environment(row.model, row.environment)?.desired === row.id) void this.kick(row.id);
      else if (this.#environment(row.model, row.environment).rollout?.live.row.id !== row.id) {
        this.rows.setState(row.id, "STOPPED");
      }
    }
    const everyMs = this.#options.tickMs ?? TICK_MS;
    this.#ticker = setInterval(() => this.#attempt(() => this.#tick()), everyMs);
    this.#ticker.unref();
  }

  /** Rows only, so that it fits into the transaction of a commit; `kick` does the rest. Throws HostError. */
  create(request: CreateRequest): DeploymentRow {
    checkRequest(this.rows, request);
    const { model, environment, rollout } = request;
    const row = this.rows.create({
      model,
      environment,
      package: request.package,
      message: request.message ?? null,
      rollout: rollout ?? null,
      by: request.by,
    });
    if (request.examples !== "tell") this.#strict.add(row.id);
    this.rows.event(row.id, "created", `Created by ${request.by}`, { package: row.package });
    return row;
  }

  /**
   * Brings a deployment up; one that is on its way in the same environment gives way to it. Resolves when it serves,
   * has failed or was stopped, which its row tells.
   */
  async kick(id: string): Promise<void> {
    const row = this.rows.get(id);
    if (row === undefined || this.#closed) return;
    await this.#environment(row.model, row.environment).enqueue(id, (signal) => this.#bring(row, signal));
  }

  /** What an environment has in memory; made where nothing was there yet. */
  inMemory(model: string, environment: string): LiveEnvironment {
    return this.#environment(model, environment);
  }

  resolve(model: string, target: { environment: string } | { deployment: string }): Traffic {
    if ("environment" in target) {
      const environment = this.#environments.get(keyOf(model, target.environment));
      const live = environment?.pick();
      if (live != null) return live.traffic;
      requireModel(this.rows, model);
      throw new HostError("NO_DEPLOYMENT", `Nothing serves ${target.environment} of ${model}.`, {
        hint: `Push to it: purlin push --environment ${target.environment}; purlin status ${model} tells what is there.`,
      });
    }
    for (const environment of this.#environments.values()) {
      const live = environment.find(target.deployment);
      if (live !== null && live.row.model === model) return live.traffic;
    }
    const row = this.rows.get(target.deployment);
    if (row === undefined || row.model !== model) {
      throw new HostError("NOT_FOUND", `There is no deployment ${target.deployment} of ${model}.`);
    }
    throw new HostError("NO_DEPLOYMENT", `The deployment ${row.id} does not run: it is ${row.state}.`);
  }

  promote(given: {
    model: string;
    from?: string;
    deployment?: string;
    to: string;
    rollout?: number | undefined;
    by: string;
  }): DeploymentRow {
    const { model, to } = given;
    const source = promoted(this.rows, given);
    return this.#deploy({
      model,
      environment: to,
      package: source.package,
      message: `promoted from ${source.environment} (${source.id})`,
      rollout: given.rollout,
      by: given.by,
    });
  }

  /** To the newest deployment that was live here and has another package than what serves. No byte is moved. */
  rollback(given: { model: string; environment: string; by: string }): DeploymentRow {
    const { model, environment } = given;
    const earlier = earlierOf(this.rows, model, environment);
    return this.#deploy({
      model,
      environment,
      package: earlier.package,
      message: `rollback to ${earlier.id}`,
      by: given.by,
    });
  }

  /** Throws HostError CONFLICT where none is under way. */
  finishRollout(model: string, environment: string): DeploymentRow {
    const live = this.#rolloutOf(model, environment);
    this.rows.event(live.row.id, "rollout-finished", "The rollout is finished: all requests");
    this.#switch(this.#environment(model, environment), live);
    return this.rows.get(live.row.id) as DeploymentRow;
  }

  abortRollout(model: string, environment: string, reason = "asked for"): DeploymentRow {
    const live = this.#rolloutOf(model, environment);
    this.#endRollout(this.#environment(model, environment), `aborted: ${reason}`);
    return this.rows.get(live.row.id) as DeploymentRow;
  }

  async removeEnvironment(model: string, name: string): Promise<void> {
    requireModel(this.rows, model);
    if (this.rows.environment(model, name) === undefined) {
      throw new HostError("NOT_FOUND", `${model} has no environment ${name}.`);
    }
    this.rows.removeEnvironment(model, name);
    await this.#forget(model, name);
  }

  async removeDeployment(model: string, id: string): Promise<void> {
    const row = this.rows.get(id);
    if (row === undefined || row.model !== model) {
      throw new HostError("NOT_FOUND", `There is no deployment ${id} of ${model}.`);
    }
    const environment = this.#environments.get(keyOf(model, row.environment));
    if (this.rows.environment(model, row.environment)?.serving === id) {
      throw new HostError("CONFLICT", `${id} serves ${row.environment}.`, {
        hint: "Roll back or push another one first, or delete the environment.",
      });
    }
    if (environment?.rollout?.live.row.id === id) this.#endRollout(environment, "aborted: deleted");
    void environment?.cancel(id);
    this.rows.removeDeployment(id);
  }

  async removeModel(model: string): Promise<void> {
    requireModel(this.rows, model);
    const names = this.rows.environments(model).map(({ name }) => name);
    this.rows.removeModel(model);
    await Promise.all(names.map((name) => this.#forget(model, name)));
  }

  /** Those that `mayUse` agrees to. */
  list(mayUse: (model: string) => boolean): ModelList {
    return modelList(
      this.rows.models().filter(({ name }) => mayUse(name)),
      (name) => this.#status(name),
    );
  }

  status(model: string): ModelStatus {
    requireModel(this.rows, model);
    const row = this.rows.models().find(({ name }) => name === model);
    return modelStatus(row ?? { name: model, created_at: "" }, this.#status(model));
  }

  deployment(id: string): DeploymentInfo {
    const row = this.rows.get(id);
    if (row === undefined) throw new HostError("NOT_FOUND", `There is no deployment ${id}.`);
    return deploymentInfo(row);
  }

  deploymentsOf(model: string): DeploymentInfo[] {
    requireModel(this.rows, model);
    return this.rows.ofModel(model).map(deploymentInfo);
  }

  onEvent(listener: (event: DeploymentEvent) => void): () => void {
    return this.rows.onEvent(listener);
  }

  /** Those that run or sleep, for metrics. */
  live(): LiveDeployment[] {
    return [...this.#environments.values()].flatMap((environment) => environment.all());
  }

  /** Replicas get the secrets that hold now, without a restart. */
  secretsChanged(): void {
    for (const live of [...this.#environments.values()].flatMap((environment) => environment.started())) {
      live.replicas.setSecrets(this.#options.secretsFor(Object.keys(live.config.secrets)));
    }
  }

  async close({ graceMs = DRAIN_MS }: { graceMs?: number } = {}): Promise<void> {
    this.#closed = true;
    if (this.#ticker !== null) clearInterval(this.#ticker);
    await Promise.all([...this.#environments.values()].map((environment) => environment.stop({ graceMs })));
  }

  #deploy(request: CreateRequest): DeploymentRow {
    const row = this.rows.transaction(() => this.create(request));
    void this.kick(row.id);
    return row;
  }

  async #bring(row: DeploymentRow, signal: AbortSignal): Promise<void> {
    const environment = this.#environment(row.model, row.environment);
    let live: LiveDeployment | null = null;
    try {
      signal.throwIfAborted();
      this.rows.setState(row.id, "STARTING");
      live = this.#live(row);
      environment.incoming = live;
      const proof = live.prove(environment.replicasFor(row));
      this.rows.setState(row.id, "LOADING");
      await orAborted(proof, signal);
      environment.incoming = null;
      this.#takeOver(environment, live);
    } catch (error) {
      environment.incoming = null;
      await (this.#closed ? live?.leave({ graceMs: 0 }) : live?.end({ graceMs: 0 }));
      this.#attempt(() => this.#failed(row, error, signal));
    }
  }

  #failed(row: DeploymentRow, error: unknown, signal: AbortSignal): void {
    // Deleted meanwhile; or the host ends, and the next one goes on with it.
    if (this.rows.get(row.id) === undefined || (signal.aborted && this.#closed)) return;
    if (signal.aborted) {
      this.rows.setState(row.id, "STOPPED");
      this.rows.event(row.id, "stopped", "Superseded before it was ready");
      return;
    }
    const known = asDeploymentError(error, "loading");
    this.rows.setState(row.id, "FAILED", known);
    this.rows.event(row.id, "failed", known.message, { ...known });
  }

  /** It has loaded: all requests are its own from now on, or its share of them. */
  #takeOver(environment: LiveEnvironment, live: LiveDeployment): void {
    const { row } = live;
    if (environment.rollout !== null) this.#endRollout(environment, "superseded");
    if (row.rollout === null || environment.serving === null) {
      this.#switch(environment, live);
    } else {
      const percent = row.rollout;
      this.rows.transaction(() => {
        this.rows.setRollout(row, percent);
        this.rows.setState(row.id, "ACTIVE");
        this.rows.event(row.id, "rollout-started", `${percent} % of the requests`, { percent });
      });
      environment.startRollout(live, percent);
    }
    live.autoscale();
  }

  /** On disk first, then in memory, within one turn of the loop; then the old one ends what it has. */
  #switch(environment: LiveEnvironment, live: LiveDeployment): void {
    const old = environment.serving;
    this.rows.transaction(() => {
      const previous = this.rows.activate(live.row);
      this.rows.event(live.row.id, "activated", `Serves ${live.row.environment}`);
      if (previous !== null) this.rows.event(previous, "superseded", `${live.row.id} serves now`);
    });
    environment.switchTo(live);
    if (old === null) return;
    live.keepAtLeast(old.wanted);
    old.traffic.retire();
    environment.drain(old, DRAIN_MS);
  }

  #endRollout(environment: LiveEnvironment, reason: string): void {
    const { rollout } = environment;
    if (rollout === null) return;
    const { row, traffic } = rollout.live;
    this.rows.transaction(() => {
      this.rows.setRollout(row, null);
      this.rows.dropDesired(row.id);
      const message = `The rollout was ${reason}`;
      if (reason === "superseded") this.rows.setState(row.id, "STOPPED");
      else this.rows.setState(row.id, "FAILED", { stage: "rollout", code: "ROLLOUT_ABORTED", message });
      this.rows.event(row.id, "rollout-aborted", message);
    });
    environment.endRollout();
    traffic.retire();
    environment.drain(rollout.live, DRAIN_MS);
  }

  #rolloutOf(model: string, environment: string): LiveDeployment {
    requireModel(this.rows, model);
    const live = this.#environments.get(keyOf(model, environment))?.rollout?.live;
    if (live != null) return live;
    throw new HostError("CONFLICT", `No rollout is under way in ${environment} of ${model}.`, {
      hint: "Start one: purlin push --rollout 10",
    });
  }

  #tick(): void {
    const atMs = performance.now();
    for (const environment of this.#environments.values()) {
      for (const live of environment.all()) live.tick(atMs);
      const { rollout, serving } = environment;
      if (rollout === null || serving === null) continue;
      const { traffic, replicas } = rollout.live;
      rollout.awayTicks = rollout.live.isAway ? rollout.awayTicks + 1 : 0;
      rollout.isAway = rollout.awayTicks >= AWAY_TICKS;
      const verdict = judge({ old: serving.traffic.stats(), new: traffic.stats() });
      if (typeof verdict === "object") this.#endRollout(environment, `aborted: ${verdict.abort}`);
      // Slow to come up after a restart of the host is no reason; an error is.
      else if (rollout.awayTicks >= LOST_TICKS && replicas.lastError !== null)
        this.#endRollout(environment, `aborted: no replica is ready: ${replicas.lastError.message}`);
    }
  }

  /** Deployments that may have replicas from before. */
  #expected(): string[] {
    const served = this.rows.environments().flatMap((row) => [row.serving, row.rollout_deployment]);
    const started = this.rows.underWay().map(({ id }) => id);
    return [...served, ...started].filter((id) => id !== null);
  }

  /** One that cannot be taken up keeps none of the others from it. */
  #resume(id: string | null, put: (live: LiveDeployment) => void): void {
    const row = id === null ? undefined : this.rows.get(id);
    if (row === undefined) return;
    try {
      const live = this.#live(row);
      put(live);
      live.resume();
    } catch (error) {
      const { message } = asDeploymentError(error, "starting");
      this.#attempt(() => this.rows.event(row.id, "unhealthy", `Cannot be taken up again: ${message}`));
      this.#options.onError?.(error);
    }
  }

  /** Its rows are gone. Who waits is told; requests under way come to their end. */
  async #forget(model: string, name: string): Promise<void> {
    const key = keyOf(model, name);
    const environment = this.#environments.get(key);
    this.#environments.delete(key);
    await environment?.end();
  }

  #live(row: DeploymentRow): LiveDeployment {
    const { store, engine, secretsFor } = this.#options;
    const config = effectiveConfig(store, row);
    return new LiveDeployment({
      row,
      config,
      store,
      engine,
      secrets: () => secretsFor(Object.keys(config.secrets)),
      // What has served before is not refused after a restart; a development deployment may have gone live so.
      examples: row.environment === DEVELOPMENT && !this.#strict.delete(row.id) ? "tell" : "check",
      onEvent: (type, message, data) => this.#attempt(() => this.rows.event(row.id, type, message, data)),
    });
  }

  /** Timers and replicas go on, whatever becomes of what they have to say. */
  #attempt(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#options.onError?.(error);
    }
  }

  #environment(model: string, name: string): LiveEnvironment {
    const key = keyOf(model, name);
    let environment = this.#environments.get(key);
    if (environment === undefined) this.#environments.set(key, (environment = new LiveEnvironment()));
    return environment;
  }

  #status(model: string): EnvironmentInfo[] {
    return this.rows
      .environments(model)
      .map((row) => environmentInfo(this.rows, row, this.#environment(row.model, row.name)));
  }
}

const keyOf = (model: string, environment: string): string => `${model}/${environment}`;
