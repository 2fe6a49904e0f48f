import type { IncomingHttpHeaders } from "node:http";
import { DEPLOYMENT_PATH_HEADER } from "../../protocol/deployment-path.ts";
import type { openApi, OpenApiOptions } from "./openapi.ts";
import type { ProcessPool } from "./process-pool.ts";

/** Few models are ever asked for it. */
export async function loadOpenApi(): Promise<{ openApi: typeof openApi }> {
  // A file beside this one in the package; not part of this bundle.
  const file = "./openapi.mjs";
  return (await import(file)) as { openApi: typeof openApi };
}

export function describePackage(
  { files, info }: ProcessPool,
  schema: OpenApiOptions["schema"],
): Omit<OpenApiOptions, "place"> {
  const { manifest, config } = files;
  return {
    modelName: manifest.model_name,
    description: config.description,
    version: manifest.package,
    schema,
    methods: info?.methods ?? [],
  };
}

const PATH = /^(?:\/[\w.~!$&'()*+,;=:@%-]+)*\/?$/;

/** Where the routes are for whoever asks: below a deployment of a host, below what a proxy in front takes away, or at the root. */
export function documentPlace(headers: IncomingHttpHeaders): OpenApiOptions["place"] {
  const deployment = headers[DEPLOYMENT_PATH_HEADER];
  const path = deployment ?? headers["x-forwarded-prefix"];
  const isPath = typeof path === "string" && path.length <= 1000 && PATH.test(path);
  return { path: isPath ? path.replace(/\/$/, "") || "/" : "/", needsKey: deployment !== undefined };
}
