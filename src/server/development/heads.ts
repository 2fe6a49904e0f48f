import { DEVELOPMENT } from "../../protocol/development.ts";
import type { DeploymentError } from "../../protocol/host-api.ts";
import type { Digest } from "../../protocol/manifest.ts";
import type { DeploymentRows } from "../deployments/deployment-rows.ts";
import { errorOf } from "../deployments/deployment-row.ts";
import type { Database } from "../store/database.ts";

export interface Head {
  package: Digest;
  /** Why it is not what answers, where that is known. */
  error: DeploymentError | null;
}

/** What development deployments were sent last. */
export class Heads {
  readonly #db: Database;
  readonly #rows: DeploymentRows;

  constructor(db: Database, rows: DeploymentRows) {
    this.#db = db;
    this.#rows = rows;
  }

  /** An ordinary push to the same environment is its head from then on. */
  get(model: string): Head | null {
    const desired = this.#rows.environment(model, DEVELOPMENT)?.desired ?? null;
    const deployment = desired === null ? undefined : this.#rows.get(desired);
    if (deployment === undefined) return null;
    const row = this.#db.prepare("SELECT package, deployment FROM heads WHERE model = ?").get(model) as
      { package: Digest; deployment: string } | undefined;
    const sent = row?.deployment === desired ? row.package : deployment.package;
    return { package: sent, error: errorOf(deployment) };
  }

  /** `deployment` is the one that is to serve it. */
  set(model: string, head: { package: Digest; deployment: string }): void {
    this.#db
      .prepare(
        "INSERT INTO heads (model, package, deployment) VALUES (?, ?, ?) ON CONFLICT (model) " +
          "DO UPDATE SET package = excluded.package, deployment = excluded.deployment",
      )
      .run(model, head.package, head.deployment);
  }
}
