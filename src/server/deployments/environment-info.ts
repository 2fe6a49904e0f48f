import type { EnvironmentInfo, ReplicaInfo } from "../../protocol/host-api.ts";
import { type DeploymentRow, type EnvironmentRow, errorOf } from "./deployment-row.ts";
import type { DeploymentRows } from "./deployment-rows.ts";
import type { LiveDeployment } from "./live-deployment.ts";
import type { LiveEnvironment } from "./live-environment.ts";

/** What was asked for, what answers and how it is: apart from one another. */
export function environmentInfo(
  rows: DeploymentRows,
  row: EnvironmentRow,
  live: LiveEnvironment,
): EnvironmentInfo {
  const desired = row.desired === null ? undefined : rows.get(row.desired);
  const serving = row.serving === null ? undefined : rows.get(row.serving);
  const stats = live.serving?.traffic.stats();
  return {
    name: row.name,
    desired: summary(desired),
    serving: summary(serving),
    state: stateOf(live, row, desired),
    rollout:
      row.rollout_deployment === null || row.rollout_percent === null
        ? null
        : {
            deployment: row.rollout_deployment,
            percent: row.rollout_percent,
            since: row.rollout_since ?? row.updated_at,
          },
    replicas: live.serving?.replicas.ready ?? 0,
    replicas_wanted: live.serving?.wanted ?? 0,
    replica_list: live.started().flatMap(replicasOf),
    in_flight: live.serving?.traffic.inFlight ?? 0,
    queued: live.serving?.traffic.queued ?? 0,
    requests_per_second: rounded(stats?.requestsPerSecond ?? 0),
    error_rate: rounded(stats?.errorRate ?? 0),
    p99_ms: stats?.p99Ms == null ? null : rounded(stats.p99Ms),
    last_error: live.serving?.replicas.lastError ?? (desired === undefined ? null : errorOf(desired)),
    updated_at: row.updated_at,
  };
}

function stateOf(
  { serving, isBusy }: LiveEnvironment,
  row: EnvironmentRow,
  desired: DeploymentRow | undefined,
): EnvironmentInfo["state"] {
  if (serving === null) {
    if (isBusy) return "DEPLOYING";
    // It should serve, and could not even be taken up when the host was started.
    if (row.serving !== null) return "UNHEALTHY";
    return desired?.state === "FAILED" ? "FAILED" : "NONE";
  }
  if (serving.replicas.ready > 0) return "ACTIVE";
  if (serving.wanted === 0) return "SCALED_TO_ZERO";
  return serving.replicas.lastError === null ? "WAKING_UP" : "UNHEALTHY";
}

const summary = (row: DeploymentRow | undefined) =>
  row === undefined ? null : { deployment: row.id, package: row.package };

const replicasOf = ({ row, replicas }: LiveDeployment): ReplicaInfo[] =>
  replicas.list().map((replica) => ({ ...replica, deployment: row.id, package: row.package }));

const rounded = (value: number): number => Math.round(value * 1000) / 1000;
