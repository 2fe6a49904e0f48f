import type { LoadedInfo } from "../channel/frames.ts";
import type { LoadedModel } from "./load-model.ts";
import { hasSchema } from "./schema.ts";
import { takesStream } from "./takes-stream.ts";

/** What the front is told of a model that has loaded. */
export function loadedInfo({ instance, shape }: LoadedModel, loadMs: number): LoadedInfo {
  return {
    methods: [...shape.methods],
    raw: [...shape.raw],
    streams: [...shape.raw].filter((method) => takesStream(instance, shape, method)),
    hasSchema: hasSchema(shape),
    hasHealth: shape.methods.has("isHealthy"),
    batches: shape.batches,
    load_ms: Math.round(loadMs),
  };
}
