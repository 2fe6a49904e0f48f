import type { Reporter } from "../events.ts";
import type { DeploymentInfo } from "../protocol/host-api.ts";
import { followDeployment } from "./host-steps/follow-deployment.ts";
import { type HostAccess, withHost } from "./host-steps/with-host.ts";

export interface RollbackOptions extends HostAccess {
  model: string;
  environment: string;
  timeoutMs: number;
  report: Reporter;
}

/** To what was live before; waits until it is again. Throws AppError DEPLOY_FAILED, HOST_REFUSED where there is none. */
export function rollback(options: RollbackOptions): Promise<DeploymentInfo> {
  const { model, environment, timeoutMs, report, signal } = options;
  return withHost(options, async (client) => {
    const { id } = await client.rollback(model, environment);
    return followDeployment({ client, deployment: id, timeoutMs, report, signal });
  });
}
