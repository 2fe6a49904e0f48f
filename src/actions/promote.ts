import type { Reporter } from "../events.ts";
import type { DeploymentInfo } from "../protocol/host-api.ts";
import { followDeployment } from "./host-steps/follow-deployment.ts";
import { type HostAccess, withHost } from "./host-steps/with-host.ts";

export interface PromoteOptions extends HostAccess {
  model: string;
  from?: string | undefined;
  deployment?: string | undefined;
  to: string;
  rollout?: number | undefined;
  timeoutMs: number;
  report: Reporter;
}

/** The same package in another environment, without a rebuild; waits until it is live. Throws AppError DEPLOY_FAILED. */
export function promote(options: PromoteOptions): Promise<DeploymentInfo> {
  const { model, from, deployment, to, rollout, timeoutMs, report, signal } = options;
  return withHost(options, async (client) => {
    const source = deployment === undefined ? { from: from ?? "staging" } : { deployment };
    const { id } = await client.promote(model, {
      ...source,
      to,
      ...(rollout === undefined ? {} : { rollout }),
    });
    return followDeployment({ client, deployment: id, timeoutMs, report, signal });
  });
}
