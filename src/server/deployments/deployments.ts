import type {
  DeploymentEvent,
  DeploymentInfo,
  EnvironmentInfo,
  ModelList,
  ModelStatus,
} from "../../protocol/host-api.ts";
import type { Engine } from "../engine.ts";
import { HostError } from "../host-error.ts";
import { asDeploymentError, type ReplicaTiming } from "../replica-set.ts";
import { judge } from "../rollout-judge.ts";
import type { RouteTable } from "../router/router.ts";
import type { Traffic } from "../router/traffic.ts";
import type { Store } from "../store/store.ts";
import { deploymentInfo, type DeploymentRow } from "./deployment-row.ts";
import { DeploymentRows } from "./deployment-rows.ts";
import { effectiveConfig } from "./effective-config.ts";
import { checkRequest, type CreateRequest, earlierOf, promoted, requireModel } from "./deployment-choice.ts";
import { environmentInfo } from "./environment-info.ts";
import { LiveDeployment } from "./live-deployment.ts";
import { LiveEnvironment } from "./live-environment.ts";

const TICK_MS = 1000;
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
  timing?: ReplicaTiming;
}

/**
 * Which deployment of a model serves which environment, and how another one takes over: what serves goes on until the
 * new one has loaded; then one row is written, and the new one serves; then the old one ends its requests.
 */
export class Deployments implements RouteTable {
  readonly rows: DeploymentRows;
  readonly #options: DeploymentsOptions;
  readonly #environments = new Map<string, LiveEnvironment>();
  #ticker: NodeJS.Timeout | null = null;
  #closed = false;

  constructor(options: DeploymentsOptions) {
    this.#options = options;
    this.rows = new DeploymentRows(options.store.db, options.now ?? (() => new Date()));
  }

  /** Everything that served serves again; what was on its way goes on. Requests that come meanwhile wait. */
  start(): void {
    for (const row of this.rows.environments()) {
      const environment = this.#environment(row.model, row.name);
      const serving = row.serving === null ? undefined : this.rows.get(row.serving);
      if (serving !== undefined) environment.serving = this.#resume(serving);
      const rollout = row.rollout_deployment === null ? undefined : this.rows.get(row.rollout_deployment);
      if (rollout !== undefined && row.rollout_percent !== null) {
        environment.startRollout(this.#resume(rollout), row.rollout_percent);
      }
    }
    for (const row of this.rows.underWay()) {
      if (this.rows.environment(row.model, row.environment)?.desired === row.id) this.kick(row.id);
      else if (this.#environment(row.model, row.environment).rollout?.live.row.id !== row.id) {
        this.rows.setState(row.id, "STOPPED");
      }
    }
    this.#ticker = setInterval(() => this.#attempt(() => this.#tick()), TICK_MS);
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
    this.rows.event(row.id, "created", `Created by ${request.by}`, { package: row.package });
    return row;
  }

  /** Brings a deployment up; one that is on its way in the same environment gives way to it. */
  kick(id: string): void {
    const row = this.rows.get(id);
    if (row === undefined || this.#closed) return;
    this.#environment(row.model, row.environment).enqueue(id, (signal) => this.#bring(row, signal));
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
    const environment = this.#environments.get(keyOf(model, name));
    this.#environments.delete(keyOf(model, name));
    this.rows.removeEnvironment(model, name);
    await environment?.stop();
  }

  async removeDeployment(model: string, id: string): Promise<void> {
    const row = this.rows.get(id);
    if (row === undefined || row.model !== model) {
      throw new HostError("NOT_FOUND", `There is no deployment ${id} of ${model}.`);
    }
    const environment = this.#environments.get(keyOf(model, row.environment));
    if (environment?.serving?.row.id === id) {
      throw new HostError("CONFLICT", `${id} serves ${row.environment}.`, {
        hint: "Roll back or push another one first, or delete the environment.",
      });
    }
    if (environment?.rollout?.live.row.id === id) this.#endRollout(environment, "aborted: deleted");
    environment?.cancel(id);
    this.rows.removeDeployment(id);
  }

  async removeModel(model: string): Promise<void> {
    requireModel(this.rows, model);
    const names = this.rows.environments(model).map(({ name }) => name);
    for (const name of names) await this.removeEnvironment(model, name);
    this.rows.removeModel(model);
  }

  list(): ModelList {
    return {
      models: this.rows.models().map(({ name, created_at }) => ({
        model: name,
        created_at,
        environments: this.#status(name).map((each) => ({
          name: each.name,
          state: each.state,
          deployment: each.serving?.deployment ?? null,
        })),
      })),
    };
  }

  status(model: string): ModelStatus {
    requireModel(this.rows, model);
    return { model, environments: this.#status(model) };
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
    for (const live of this.live()) {
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
    this.kick(row.id);
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
      const proof = live.prove();
      this.rows.setState(row.id, "LOADING");
      await orAborted(proof, signal);
      environment.incoming = null;
      this.#takeOver(environment, live);
    } catch (error) {
      environment.incoming = null;
      await live?.stop({ graceMs: 0 });
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
      this.rows.activate(live.row, old?.row.id ?? null);
      this.rows.event(live.row.id, "activated", `Serves ${live.row.environment}`);
      if (old !== null) this.rows.event(old.row.id, "superseded", `${live.row.id} serves now`);
    });
    environment.switchTo(live);
    if (old === null) return;
    old.traffic.retire();
    environment.drain(old, DRAIN_MS);
  }

  #endRollout(environment: LiveEnvironment, reason: string): void {
    const { rollout } = environment;
    if (rollout === null) return;
    const { row, traffic } = rollout.live;
    this.rows.transaction(() => {
      this.rows.setRollout(row, null);
      this.rows.setDesired(row.model, row.environment, environment.serving?.row.id ?? null);
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
      const verdict = judge({ old: serving.traffic.stats(), new: rollout.live.traffic.stats() });
      if (typeof verdict === "object") this.#endRollout(environment, `aborted: ${verdict.abort}`);
    }
  }

  #resume(row: DeploymentRow): LiveDeployment {
    const live = this.#live(row);
    live.resume();
    return live;
  }

  #live(row: DeploymentRow): LiveDeployment {
    const { store, engine, secretsFor, timing } = this.#options;
    const config = effectiveConfig(store, row);
    return new LiveDeployment({
      row,
      config,
      store,
      engine,
      timing,
      secrets: () => secretsFor(Object.keys(config.secrets)),
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

async function orAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  let stop = (): void => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    stop = () => reject(new Error("superseded"));
    signal.addEventListener("abort", stop, { once: true });
  });
  work.catch(() => undefined);
  try {
    await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
