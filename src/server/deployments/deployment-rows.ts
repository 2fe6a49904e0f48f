import { randomBytes } from "node:crypto";
import { DEVELOPMENT } from "../../protocol/development.ts";
import type { DeploymentError, DeploymentEvent, DeploymentState } from "../../protocol/host-api.ts";
import type { Digest } from "../../protocol/manifest.ts";
import type { Database } from "../store/database.ts";
import type { DeploymentRow, EnvironmentRow, NewDeployment } from "./deployment-row.ts";

/** Events of one deployment that are kept, and how often that is seen to. */
const MOST_EVENTS = 1000;
const PRUNE_EVERY = 16;

/** The rows of deployments, environments and events; every call is one statement or one transaction. */
export class DeploymentRows {
  readonly #db: Database;
  readonly #now: () => Date;
  readonly #listeners = new Set<(event: DeploymentEvent) => void>();

  constructor(db: Database, now: () => Date) {
    this.#db = db;
    this.#now = now;
  }

  transaction<T>(work: () => T): T {
    return this.#db.transaction(work);
  }

  get(id: string): DeploymentRow | undefined {
    return this.#db.prepare("SELECT * FROM deployments WHERE id = ?").get(id) as DeploymentRow | undefined;
  }

  ofModel(model: string, environment?: string): DeploymentRow[] {
    const [where, ...values] =
      environment === undefined ? ["", model] : [" AND environment = ?", model, environment];
    return this.#db
      .prepare(`SELECT * FROM deployments WHERE model = ?${where} ORDER BY rowid DESC`)
      .all(...values) as DeploymentRow[];
  }

  /** Those that were on their way when a host ended. */
  underWay(): DeploymentRow[] {
    return this.#db
      .prepare("SELECT * FROM deployments WHERE state IN ('CREATED', 'STARTING', 'LOADING') ORDER BY rowid")
      .all() as DeploymentRow[];
  }

  environments(model?: string): EnvironmentRow[] {
    return (
      model === undefined
        ? this.#db.prepare("SELECT * FROM environments ORDER BY model, name").all()
        : this.#db.prepare("SELECT * FROM environments WHERE model = ? ORDER BY name").all(model)
    ) as EnvironmentRow[];
  }

  environment(model: string, name: string): EnvironmentRow | undefined {
    return this.#db.prepare("SELECT * FROM environments WHERE model = ? AND name = ?").get(model, name) as
      EnvironmentRow | undefined;
  }

  models(): { name: string; created_at: string }[] {
    return this.#db.prepare("SELECT name, created_at FROM models ORDER BY name").all() as never;
  }

  hasModel(name: string): boolean {
    return this.#db.prepare("SELECT 1 FROM models WHERE name = ?").get(name) !== undefined;
  }

  /** False for one that was collected with the files that it alone had. */
  hasPackage(digest: Digest): boolean {
    return this.#db.prepare("SELECT 1 FROM packages WHERE digest = ?").get(digest) !== undefined;
  }

  /** A deployment, wanted by its environment from now on. */
  create(given: NewDeployment): DeploymentRow {
    const id = `dep_${randomBytes(8).toString("hex")}`;
    const at = this.#now().toISOString();
    this.#db.transaction(() => {
      this.#db.prepare("INSERT OR IGNORE INTO models (name, created_at) VALUES (?, ?)").run(given.model, at);
      this.#db
        .prepare(
          "INSERT INTO deployments (id, model, environment, package, state, message, rollout, created_at, created_by) " +
            "VALUES (?, ?, ?, ?, 'CREATED', ?, ?, ?, ?)",
        )
        .run(id, given.model, given.environment, given.package, given.message, given.rollout, at, given.by);
      this.#db
        .prepare(
          "INSERT INTO environments (model, name, desired, updated_at) VALUES (?, ?, ?, ?) " +
            "ON CONFLICT (model, name) DO UPDATE SET desired = excluded.desired, updated_at = excluded.updated_at",
        )
        .run(given.model, given.environment, id, at);
    });
    return this.get(id) as DeploymentRow;
  }

  setState(id: string, state: DeploymentState, error?: DeploymentError): void {
    const ended = ["FAILED", "SUPERSEDED", "STOPPED"].includes(state) ? this.#now().toISOString() : null;
    this.#db
      .prepare(
        "UPDATE deployments SET state = ?, ended_at = coalesce(?, ended_at), error = coalesce(?, error) WHERE id = ?",
      )
      .run(state, ended, error === undefined ? null : JSON.stringify(error), id);
  }

  /** The one visible act: what serves an environment from now on. Returns what served until now. */
  activate(row: DeploymentRow): string | null {
    const at = this.#now().toISOString();
    return this.#db.transaction(() => {
      const serving = this.environment(row.model, row.environment)?.serving ?? null;
      const previous = serving === row.id ? null : serving;
      this.#db
        .prepare(
          "UPDATE deployments SET state = 'ACTIVE', activated_at = coalesce(activated_at, ?), ended_at = NULL WHERE id = ?",
        )
        .run(at, row.id);
      if (previous !== null) this.setState(previous, "SUPERSEDED");
      this.#db
        .prepare(
          "UPDATE environments SET serving = ?, rollout_deployment = NULL, rollout_percent = NULL, " +
            "rollout_since = NULL, updated_at = ? WHERE model = ? AND name = ?",
        )
        .run(row.id, at, row.model, row.environment);
      return previous;
    });
  }

  /** Its replicas have been brought to another package. */
  setPackage(id: string, digest: Digest): DeploymentRow {
    this.#db.prepare("UPDATE deployments SET package = ? WHERE id = ?").run(digest, id);
    return this.get(id) as DeploymentRow;
  }

  setRollout(row: DeploymentRow, percent: number | null): void {
    const at = this.#now().toISOString();
    this.#db
      .prepare(
        "UPDATE environments SET rollout_deployment = ?, rollout_percent = ?, rollout_since = ?, updated_at = ? " +
          "WHERE model = ? AND name = ?",
      )
      .run(
        percent === null ? null : row.id,
        percent,
        percent === null ? null : at,
        at,
        row.model,
        row.environment,
      );
  }

  /** Wanted again, whatever was asked for meanwhile. */
  desire({ id, model, environment }: DeploymentRow): void {
    this.#db
      .prepare("UPDATE environments SET desired = ? WHERE model = ? AND name = ?")
      .run(id, model, environment);
  }

  /** No longer wanted; where something newer is wanted already, that stays. */
  dropDesired(id: string): void {
    this.#db.prepare("UPDATE environments SET desired = serving WHERE desired = ?").run(id);
  }

  removeEnvironment(model: string, name: string): void {
    this.#db.transaction(() => {
      this.#db
        .prepare(
          "DELETE FROM events WHERE deployment IN (SELECT id FROM deployments WHERE model = ? AND environment = ?)",
        )
        .run(model, name);
      this.#db.prepare("DELETE FROM deployments WHERE model = ? AND environment = ?").run(model, name);
      this.#db.prepare("DELETE FROM environments WHERE model = ? AND name = ?").run(model, name);
      if (name === DEVELOPMENT) this.#db.prepare("DELETE FROM heads WHERE model = ?").run(model);
    });
  }

  removeDeployment(id: string): void {
    this.#db.transaction(() => {
      this.#db.prepare("DELETE FROM events WHERE deployment = ?").run(id);
      this.dropDesired(id);
      this.#db.prepare("DELETE FROM deployments WHERE id = ?").run(id);
    });
  }

  removeModel(model: string): void {
    this.#db.transaction(() => {
      for (const { name } of this.environments(model)) this.removeEnvironment(model, name);
      this.#db.prepare("DELETE FROM model_packages WHERE model = ?").run(model);
      this.#db.prepare("DELETE FROM model_blobs WHERE model = ?").run(model);
      this.#db.prepare("DELETE FROM pushes WHERE model = ?").run(model);
      this.#db.prepare("DELETE FROM models WHERE name = ?").run(model);
    });
  }

  /** Nothing is kept of a deployment that was deleted. */
  event(deployment: string, type: string, message: string, data?: Record<string, unknown>): void {
    const at = this.#now().toISOString();
    const { changes, lastInsertRowid } = this.#db
      .prepare(
        "INSERT INTO events (deployment, at, type, message, data) SELECT id, ?, ?, ?, ? FROM deployments WHERE id = ?",
      )
      .run(at, type, message, data === undefined ? null : JSON.stringify(data), deployment);
    if (changes === 0) return;
    if (Number(lastInsertRowid) % PRUNE_EVERY === 0) this.#pruneEvents(deployment);
    const event = {
      id: Number(lastInsertRowid),
      deployment,
      at,
      type,
      message,
      ...(data === undefined ? {} : { data }),
    };
    for (const listener of this.#listeners) listener(event);
  }

  /** Replicas that come and go for years: the newest are kept. What became of the deployment itself all is. */
  #pruneEvents(deployment: string): void {
    this.#db
      .prepare(
        "DELETE FROM events WHERE deployment = ? " +
          "AND (type LIKE 'replica-%' OR type IN ('scaled', 'woken', 'crashed', 'unhealthy')) " +
          "AND id <= (SELECT id FROM events WHERE deployment = ? ORDER BY id DESC LIMIT 1 OFFSET ?)",
      )
      .run(deployment, deployment, MOST_EVENTS);
  }

  events(deployment: string, after = 0): DeploymentEvent[] {
    const rows = this.#db
      .prepare("SELECT * FROM events WHERE deployment = ? AND id > ? ORDER BY id")
      .all(deployment, after) as (Omit<DeploymentEvent, "data"> & { data: string | null })[];
    return rows.map(({ data, ...row }) => ({
      ...row,
      ...(data === null ? {} : { data: JSON.parse(data) as Record<string, unknown> }),
    }));
  }

  onEvent(listener: (event: DeploymentEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
}
