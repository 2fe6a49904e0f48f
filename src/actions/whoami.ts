import type { WhoAmI } from "../protocol/host-api.ts";
import { findRemote } from "../remotes/find-remote.ts";
import { type HostAccess, withHost } from "./host-steps/with-host.ts";

/** Which server commands go to, and as whom. */
export async function whoami(access: HostAccess): Promise<WhoAmI & { remote: string; url: string }> {
  const { name, url } = findRemote(access.remote, access.env);
  return { remote: name, url, ...(await withHost(access, (client) => client.whoami())) };
}
