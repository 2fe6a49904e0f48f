import type {
  AuditEntry,
  DeploymentEvent,
  DeploymentInfo,
  KeyCreated,
  KeyInfo,
  KeyScope,
  LogLine,
  ModelList,
  ModelStatus,
  SecretInfo,
  WhoAmI,
} from "../protocol/host-api.ts";
import type { Capabilities } from "../protocol/transfer.ts";
import type { HostCall, HostConnection } from "./host-connection.ts";
import { readLines } from "./read-lines.ts";

export interface LogRequest {
  environment?: string | undefined;
  deployment?: string | undefined;
  since?: string | undefined;
  level?: string | undefined;
  request_id?: string | undefined;
  contains?: string | undefined;
  limit?: number | undefined;
  cursor?: string | undefined;
}

export interface RolloutStatus {
  model: string;
  environment: string;
  rollout: { deployment: string; percent: number; since: string } | null;
  last: { deployment: string; state: string; error: unknown } | null;
  events: DeploymentEvent[];
}

/** The routes of a deployment server as functions; see protocol/host-api.ts for the shapes. */
export class HostClient {
  readonly connection: HostConnection;
  readonly #signal: AbortSignal | undefined;

  constructor(connection: HostConnection, signal?: AbortSignal) {
    this.connection = connection;
    this.#signal = signal;
  }

  capabilities = (): Promise<Capabilities> => this.#get("/v1/capabilities");
  whoami = (): Promise<WhoAmI> => this.#get("/v1/whoami");
  models = (): Promise<ModelList> => this.#get("/v1/models");
  status = (model: string): Promise<ModelStatus> => this.#get(`/v1/models/${encodeURIComponent(model)}`);
  deployment = (id: string): Promise<DeploymentInfo> =>
    this.#get(`/v1/deployments/${encodeURIComponent(id)}`);
  secrets = (): Promise<{ secrets: SecretInfo[] }> => this.#get("/v1/secrets");
  keys = (): Promise<{ keys: KeyInfo[] }> => this.#get("/v1/keys");
  audit = (limit: number): Promise<{ entries: AuditEntry[] }> => this.#get(`/v1/audit?limit=${limit}`);

  async events(deployment: string, after: number): Promise<DeploymentEvent[]> {
    const path = `/v1/deployments/${encodeURIComponent(deployment)}/events?after=${after}`;
    return (await this.#get<{ events: DeploymentEvent[] }>(path)).events;
  }

  promote(
    model: string,
    fields: { from?: string; deployment?: string; to: string; rollout?: number },
  ): Promise<DeploymentInfo> {
    return this.#send("POST", `${modelPath(model)}/promote`, fields);
  }

  rollback(model: string, environment: string): Promise<DeploymentInfo> {
    return this.#send("POST", `${modelPath(model)}/rollback`, { environment });
  }

  rollout(model: string, environment: string): Promise<RolloutStatus> {
    return this.#get(`${modelPath(model)}/rollout?environment=${encodeURIComponent(environment)}`);
  }

  endRollout(model: string, environment: string, action: "finish" | "abort"): Promise<DeploymentInfo> {
    return this.#send("POST", `${modelPath(model)}/rollout`, { environment, action });
  }

  remove(
    model: string,
    what: { environment?: string; deployment?: string },
  ): Promise<Record<string, unknown>> {
    const query = new URLSearchParams(what as Record<string, string>).toString();
    return this.#send("DELETE", `${modelPath(model)}${query === "" ? "" : `?${query}`}`, undefined);
  }

  setSecret(name: string, value: string): Promise<Record<string, unknown>> {
    return this.#send("PUT", `/v1/secrets/${encodeURIComponent(name)}`, { value }, true);
  }

  removeSecret(name: string): Promise<Record<string, unknown>> {
    return this.#send("DELETE", `/v1/secrets/${encodeURIComponent(name)}`, undefined);
  }

  createKey(fields: { name: string; scope: KeyScope; models: string[] | null }): Promise<KeyCreated> {
    return this.#send("POST", "/v1/keys", fields);
  }

  revokeKey(id: string): Promise<KeyInfo> {
    return this.#send("DELETE", `/v1/keys/${encodeURIComponent(id)}`, undefined);
  }

  collectGarbage(dryRun: boolean): Promise<Record<string, unknown>> {
    return this.#send("POST", "/v1/gc", { dry_run: dryRun });
  }

  backup(file: string): Promise<{ file: string }> {
    return this.#send("POST", "/v1/backup", { file });
  }

  /** Resolves once the host answers: the lines that are there; with `follow`, those that come until it ends. */
  async logs(model: string, request: LogRequest, follow: boolean): Promise<AsyncGenerator<LogLine>> {
    const given = Object.entries(request).filter(([, value]) => value !== undefined) as [string, string][];
    const query = new URLSearchParams([...given, ...(follow ? [["follow", "1"]] : [])]);
    const body = await this.connection.open({
      method: "GET",
      path: `${modelPath(model)}/logs?${query.toString()}`,
      signal: this.#signal,
    });
    return readLines<LogLine>(body);
  }

  async #get<T>(path: string): Promise<T> {
    const answer = await this.connection.request({
      method: "GET",
      path,
      signal: this.#signal,
      idempotent: true,
    });
    return answer.body as T;
  }

  async #send<T>(
    method: HostCall["method"],
    path: string,
    fields: object | undefined,
    idempotent = false,
  ): Promise<T> {
    const answer = await this.connection.request({
      method,
      path,
      idempotent,
      signal: this.#signal,
      ...(fields === undefined
        ? {}
        : { body: JSON.stringify(fields), headers: { "content-type": "application/json" } }),
    });
    return answer.body as T;
  }
}

const modelPath = (model: string): string => `/v1/models/${encodeURIComponent(model)}`;
