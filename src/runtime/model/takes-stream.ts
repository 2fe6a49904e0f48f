import type { ModelShape, UserMethod } from "./model-class.ts";

/** A raw method that takes the request, too, reads a large upload from it while it arrives. */
export function takesStream(instance: object, shape: ModelShape, method: string): boolean {
  if (!shape.raw.has(method)) return false;
  const first = method === "predict" && shape.methods.has("preprocess") ? "preprocess" : method;
  return ((instance as Record<string, UserMethod>)[first]?.length ?? 0) > 1;
}
