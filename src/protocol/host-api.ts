import type { Digest } from "./manifest.ts";
import type { ListedModel, ModelPage } from "./model-list.ts";

/** What a deployment server's JSON API says; all times are ISO 8601 in UTC. */

export type DeploymentState =
  /** Committed; files are put in place. */
  | "CREATED"
  | "STARTING"
  | "LOADING"
  | "ACTIVE"
  | "FAILED"
  /** Another one serves its environment. */
  | "SUPERSEDED"
  | "STOPPED";

export interface DeploymentError {
  stage: "staging" | "starting" | "loading" | "rollout";
  code: string;
  message: string;
  /** The model's own stack, source-mapped. */
  stack?: string;
}

export interface DeploymentInfo {
  id: string;
  model: string;
  environment: string;
  package: Digest;
  state: DeploymentState;
  message: string | null;
  created_at: string;
  created_by: string;
  activated_at: string | null;
  ended_at: string | null;
  error: DeploymentError | null;
  /** As the server is addressed for this deployment: /models/m/deployments/dep_x/predict */
  path: string;
}

export interface ReplicaInfo {
  id: string;
  deployment: string;
  state: "starting" | "loading" | "ready" | "draining" | "backing-off";
  package: Digest;
  in_flight: number;
  restarts: number;
  /** Where it runs, in words: "process 4711". */
  place: string;
  rss_bytes: number | null;
  since: string;
}

export interface EnvironmentInfo {
  name: string;
  /** What was asked for last, and what answers. */
  desired: { deployment: string; package: Digest } | null;
  serving: { deployment: string; package: Digest } | null;
  /** NONE: nothing has served here yet. SCALED_TO_ZERO and WAKING_UP serve, too: a request waits. */
  state: "NONE" | "DEPLOYING" | "ACTIVE" | "SCALED_TO_ZERO" | "WAKING_UP" | "UNHEALTHY" | "FAILED";
  rollout: { deployment: string; percent: number; since: string } | null;
  /** Ready replicas of what serves. */
  replicas: number;
  replicas_wanted: number;
  replica_list: ReplicaInfo[];
  in_flight: number;
  queued: number;
  /** Over the last minute. */
  requests_per_second: number;
  error_rate: number;
  p99_ms: number | null;
  last_error: DeploymentError | null;
  updated_at: string;
}

/** GET /v1/models/{m}, with what clients of OpenAI and Anthropic look for in it. */
export interface ModelStatus extends ListedModel {
  model: string;
  /** KServe's words for the model and whether its `production` takes requests. */
  name: string;
  ready: boolean;
  environments: EnvironmentInfo[];
}

/** GET /v1/models: Purlin's own list beside that of OpenAI's and Anthropic's clients. */
export interface ModelList extends ModelPage {
  models: {
    model: string;
    environments: { name: string; state: string; deployment: string | null }[];
    created_at: string;
  }[];
}

/** GET /v1/deployments/{d}/events: as JSON, or as SSE (Accept: text/event-stream, Last-Event-ID). */
export interface DeploymentEvent {
  id: number;
  deployment: string;
  at: string;
  /** created, staged, started, loaded, activated, superseded, stopped, failed, crashed, scaled, rollout-..., drained */
  type: string;
  message: string;
  data?: Record<string, unknown>;
}

/** One line of GET /v1/models/{m}/logs (NDJSON). */
export interface LogLine {
  /** Where to go on: ?cursor= gives the lines after this one. */
  cursor: string;
  at: string;
  level: string;
  message: string;
  deployment: string;
  replica: string;
  request_id?: string;
  [field: string]: unknown;
}

export type KeyScope = "admin" | "deploy" | "invoke";

export interface KeyInfo {
  id: string;
  name: string;
  scope: KeyScope;
  /** Null: every model. */
  models: string[] | null;
  created_at: string;
  last_used_at: string | null;
  revoked_at: string | null;
}

/** POST /v1/keys; the only time that the key itself is told. */
export interface KeyCreated extends KeyInfo {
  key: string;
}

export interface SecretInfo {
  name: string;
  updated_at: string;
  /** Models whose config names it. */
  used_by: string[];
}

export interface AuditEntry {
  id: number;
  at: string;
  key: string;
  key_name: string;
  action: string;
  model: string | null;
  status: number;
  request_id: string;
  detail: Record<string, unknown>;
}

/** GET /v1/whoami */
export interface WhoAmI {
  key: { id: string; name: string; scope: KeyScope; models: string[] | null };
  host: { version: string; target: string };
}

/** What is left in the per-user folder by a host on this machine (0600): where the command line finds it. */
export interface LocalHostFile {
  url: string;
  key: string;
  pid: number;
}
