import type { AuditEntry } from "../protocol/host-api.ts";
import { type HostAccess, withHost } from "./host-steps/with-host.ts";

/** The newest changes, newest first. */
export async function audit(access: HostAccess & { limit: number }): Promise<AuditEntry[]> {
  return (await withHost(access, (client) => client.audit(access.limit))).entries;
}
