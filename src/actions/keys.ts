import type { KeyCreated, KeyInfo, KeyScope } from "../protocol/host-api.ts";
import { type HostAccess, withHost } from "./host-steps/with-host.ts";

export interface CreateKeyOptions extends HostAccess {
  name: string;
  scope: KeyScope;
  /** Null: every model. */
  models: string[] | null;
}

/** The key itself is in the answer, and nowhere else ever after. */
export function createKey(options: CreateKeyOptions): Promise<KeyCreated> {
  const { name, scope, models } = options;
  return withHost(options, (client) => client.createKey({ name, scope, models }));
}

export async function listKeys(access: HostAccess): Promise<KeyInfo[]> {
  return (await withHost(access, (client) => client.keys())).keys;
}

export function revokeKey(access: HostAccess & { id: string }): Promise<KeyInfo> {
  return withHost(access, (client) => client.revokeKey(access.id));
}
