import type { ModelShape, StandardSchema } from "./model-class.ts";

const TARGET = { target: "draft-2020-12" };

/** JSON Schemas of predict, or null when the class declares none. */
export function describeSchema(shape: ModelShape): Record<string, unknown> | null {
  if (shape.inputSchema.size === 0 && shape.outputSchema.size === 0) return null;
  const methods: Record<string, unknown> = {};
  for (const method of new Set([...shape.inputSchema.keys(), ...shape.outputSchema.keys()])) {
    methods[method] = {
      input: jsonSchema(shape.inputSchema.get(method), "input"),
      output: jsonSchema(shape.outputSchema.get(method), "output"),
    };
  }
  const predict = (methods["predict"] ?? {}) as { input?: unknown; output?: unknown };
  return { input: predict.input ?? null, output: predict.output ?? null, methods };
}

function jsonSchema(schema: StandardSchema | undefined, side: "input" | "output"): unknown {
  if (schema === undefined) return null;
  const library = schema as unknown as { toJSONSchema?(): unknown; toJsonSchema?(): unknown };
  try {
    const standard = schema["~standard"].jsonSchema?.[side](TARGET);
    return standard ?? library.toJSONSchema?.() ?? library.toJsonSchema?.() ?? {};
  } catch {
    // A schema with transforms has no JSON Schema; {} says "anything", which is true as far as JSON can tell.
    return {};
  }
}
