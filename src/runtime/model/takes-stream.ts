import type { ModelShape, UserMethod } from "./model-class.ts";

/** A raw method that takes the request, too, reads a large upload from it while it arrives. */
export function takesStream(instance: object, shape: ModelShape, method: string): boolean {
  if (!shape.raw.has(method)) return false;
  const prepares = method === "predict" && shape.methods.has("preprocess");
  // A row of a batch is whole before the batch begins.
  if (method === "predict" && shape.batches && !prepares) return false;
  const first = prepares ? "preprocess" : method;
  return ((instance as Record<string, UserMethod>)[first]?.length ?? 0) > 1;
}
