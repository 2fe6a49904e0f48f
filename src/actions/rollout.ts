import type { RolloutStatus } from "../client/host-client.ts";
import type { DeploymentInfo } from "../protocol/host-api.ts";
import { type HostAccess, withHost } from "./host-steps/with-host.ts";

export interface RolloutOptions extends HostAccess {
  model: string;
  environment: string;
}

export function rolloutStatus(options: RolloutOptions): Promise<RolloutStatus> {
  return withHost(options, (client) => client.rollout(options.model, options.environment));
}

/** All requests to the new one, or none. Throws AppError HOST_REFUSED where no rollout is under way. */
export function endRollout(
  options: RolloutOptions & { action: "finish" | "abort" },
): Promise<DeploymentInfo> {
  return withHost(options, (client) => client.endRollout(options.model, options.environment, options.action));
}
