import type { SecretInfo } from "../protocol/host-api.ts";
import { type HostAccess, withHost } from "./host-steps/with-host.ts";

export function setSecret(
  access: HostAccess & { name: string; value: string },
): Promise<Record<string, unknown>> {
  return withHost(access, (client) => client.setSecret(access.name, access.value));
}

/** Names and times; values are told to nobody. */
export async function listSecrets(access: HostAccess): Promise<SecretInfo[]> {
  return (await withHost(access, (client) => client.secrets())).secrets;
}

export function removeSecret(access: HostAccess & { name: string }): Promise<Record<string, unknown>> {
  return withHost(access, (client) => client.removeSecret(access.name));
}
