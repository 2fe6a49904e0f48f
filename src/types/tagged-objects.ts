import type { JsonSchema, ModelTypes } from "../protocol/model-types.ts";
import { mapSubSchemas } from "../protocol/sub-schemas.ts";

/** With a discriminator, Ajv looks at objects only and lets everything else pass: the checks are told what they are. */
export function withTaggedObjects(types: ModelTypes): ModelTypes {
  const methods = Object.entries(types.methods).map(([name, method]) => {
    const { input, output } = method;
    return [name, { ...method, input: input && tagged(input), output: output && tagged(output) }];
  });
  return { ...types, methods: Object.fromEntries(methods) as ModelTypes["methods"] };
}

function tagged(schema: JsonSchema): JsonSchema {
  const inner = mapSubSchemas(schema, tagged);
  return schema["discriminator"] === undefined ? inner : { ...inner, type: "object" };
}
