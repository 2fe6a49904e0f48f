import { type HostAccess, withHost } from "./host-steps/with-host.ts";

export interface DeleteOptions extends HostAccess {
  model: string;
  environment?: string | undefined;
  deployment?: string | undefined;
}

/** A model with all it has, or one environment or deployment of it. */
export function deleteModel(options: DeleteOptions): Promise<Record<string, unknown>> {
  const { model, environment, deployment } = options;
  return withHost(options, (client) =>
    client.remove(model, {
      ...(environment === undefined ? {} : { environment }),
      ...(deployment === undefined ? {} : { deployment }),
    }),
  );
}
