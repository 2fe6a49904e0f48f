import type { ModelList } from "../protocol/host-api.ts";
import { type HostAccess, withHost } from "./host-steps/with-host.ts";

/** The models of a deployment server. */
export function list(access: HostAccess): Promise<ModelList> {
  return withHost(access, (client) => client.models());
}
