import { METHODS } from "../../protocol/methods.ts";
import type { ModelShape, StandardSchema } from "./model-class.ts";

const TARGET = { target: "draft-2020-12" };

export function hasSchema({ inputSchema, outputSchema, types }: ModelShape): boolean {
  return inputSchema.size + outputSchema.size > 0 || types !== null;
}

/**
 * JSON Schemas of the methods, or null when there are none. A schema that the class gives counts more than a type.
 */
export function describeSchema(shape: ModelShape): Record<string, unknown> | null {
  if (!hasSchema(shape)) return null;
  const methods: Record<string, Record<string, unknown>> = {};
  for (const method of METHODS) {
    const typed = shape.types?.methods[method];
    const [input, output] = [shape.inputSchema.get(method), shape.outputSchema.get(method)];
    if (typed === undefined && input === undefined && output === undefined) continue;
    const isRaw = shape.raw.has(method);
    const isBinary = isRaw || (typed?.binary_input === true && input === undefined);
    methods[method] = {
      ...(typed?.description === undefined ? {} : { description: typed.description }),
      input: input === undefined ? (isRaw ? null : (typed?.input ?? null)) : jsonSchema(input, "input"),
      output: output === undefined ? (typed?.output ?? null) : jsonSchema(output, "output"),
      supports_streaming: typed?.supports_streaming ?? false,
      ...(typed?.item ? { item: typed.item } : {}),
      ...(isBinary ? { binary_input: true } : {}),
      ...(typed?.binary_output === true && output === undefined ? { binary_output: true } : {}),
    };
  }
  const predict = methods["predict"] ?? {};
  return {
    input: predict["input"] ?? null,
    output: predict["output"] ?? null,
    supports_streaming: predict["supports_streaming"] ?? false,
    ...(predict["item"] === undefined ? {} : { item: predict["item"] }),
    methods,
  };
}

function jsonSchema(schema: StandardSchema, side: "input" | "output"): unknown {
  const library = schema as unknown as { toJSONSchema?(): unknown; toJsonSchema?(): unknown };
  try {
    const standard = schema["~standard"].jsonSchema?.[side](TARGET);
    return standard ?? library.toJSONSchema?.() ?? library.toJsonSchema?.() ?? {};
  } catch {
    // A schema with transforms has no JSON Schema; {} says "anything", which is true as far as JSON can tell.
    return {};
  }
}
