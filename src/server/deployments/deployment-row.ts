import type { DeploymentError, DeploymentInfo, DeploymentState } from "../../protocol/host-api.ts";
import type { Digest } from "../../protocol/manifest.ts";

/** As they lie in the database. */
export interface DeploymentRow {
  id: string;
  model: string;
  environment: string;
  package: Digest;
  state: DeploymentState;
  message: string | null;
  /** 1 to 99: the share of the requests that it gets at first. */
  rollout: number | null;
  created_at: string;
  created_by: string;
  activated_at: string | null;
  ended_at: string | null;
  /** JSON of DeploymentError. */
  error: string | null;
}

export interface EnvironmentRow {
  model: string;
  name: string;
  desired: string | null;
  serving: string | null;
  rollout_deployment: string | null;
  rollout_percent: number | null;
  rollout_since: string | null;
  updated_at: string;
}

export interface NewDeployment {
  model: string;
  environment: string;
  package: Digest;
  message: string | null;
  rollout: number | null;
  by: string;
}

export function deploymentInfo({ rollout: _rollout, ...row }: DeploymentRow): DeploymentInfo {
  return {
    ...row,
    error: errorOf(row),
    path: `/models/${row.model}/deployments/${row.id}`,
  };
}

export const errorOf = ({ error }: Pick<DeploymentRow, "error">): DeploymentError | null =>
  error === null ? null : (JSON.parse(error) as DeploymentError);
