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
): OpenApiOptions {
  const { manifest, config } = files;
  return {
    modelName: manifest.model_name,
    description: config.description,
    version: manifest.package,
    schema,
    methods: info?.methods ?? [],
  };
}
