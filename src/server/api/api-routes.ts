import { Development } from "../development/development.ts";
import { developmentRoutes } from "../development/development-routes.ts";
import { transferRoutes } from "../transfer/transfer-routes.ts";
import { accessRoutes, type AccessRoutesOptions } from "./access-routes.ts";
import { hostRoutes, type HostRoutesOptions } from "./host-routes.ts";
import { modelRoutes } from "./model-routes.ts";
import type { Route } from "./route.ts";

/** Every route of the API; those of inference are the router's. */
export function apiRoutes(options: HostRoutesOptions & AccessRoutesOptions): Route[] {
  const { store, target, limits, deployments } = options;
  return [
    ...hostRoutes(options),
    ...modelRoutes(deployments, store),
    ...accessRoutes(options),
    ...developmentRoutes(new Development({ store, deployments, target, limits }), deployments, limits),
    ...transferRoutes({
      store,
      target,
      limits,
      deploy: (push, { environment, message, rollout, expect_previous }, by) =>
        deployments.create({
          model: push.model,
          environment,
          package: push.package,
          message,
          rollout,
          expectPrevious: expect_previous,
          by: by.name,
        }).id,
      afterCommit: (id) => void deployments.kick(id),
    }),
  ];
}
