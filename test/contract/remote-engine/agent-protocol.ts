import type { DeploymentSpec } from "../../../src/server/replicas/engine.ts";

/** What the agent is told to run. */
export interface AgentSpec extends Pick<
  DeploymentSpec,
  "deployment" | "config" | "environmentInfo" | "secrets"
> {
  packageDir: string;
}

export interface AgentReplica {
  id: string;
  state: "loading" | "ready" | "draining";
  url: string;
  pid: number;
  since: string;
}

/** One line of what the agent tells of a group. */
export type Notice =
  | { type: "replicas"; replicas: AgentReplica[] }
  | { type: "event"; event: string; message: string; replica: string }
  | { type: "line"; replica: string; line: string }
  | { type: "failed"; code: string; message: string };
