import type { ModelStatus } from "../protocol/host-api.ts";
import { type HostAccess, withHost } from "./host-steps/with-host.ts";

/** What was asked for and what answers, for one model or for all. Throws AppError NOT_ON_HOST. */
export function status(access: HostAccess & { model?: string | undefined }): Promise<ModelStatus[]> {
  return withHost(access, async (client) => {
    if (access.model !== undefined) return [await client.status(access.model)];
    const { models } = await client.models();
    return Promise.all(models.map(({ model }) => client.status(model)));
  });
}
