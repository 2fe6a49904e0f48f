import { HostClient } from "../../client/host-client.ts";
import { openHostConnection } from "../../client/host-connection.ts";
import { findRemote } from "../../remotes/find-remote.ts";

export interface HostAccess {
  /** A remote's name; the one in use without it. */
  remote?: string | undefined;
  env: NodeJS.ProcessEnv;
  signal?: AbortSignal | undefined;
}

/** Work with a deployment server; its connections are closed afterwards. Throws AppError NO_REMOTE. */
export async function withHost<T>(access: HostAccess, work: (client: HostClient) => Promise<T>): Promise<T> {
  const { url, key } = findRemote(access.remote, access.env);
  const connection = await openHostConnection({ url, key });
  try {
    return await work(new HostClient(connection, access.signal));
  } finally {
    await connection.close();
  }
}
