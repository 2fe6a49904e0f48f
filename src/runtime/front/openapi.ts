import { METHODS } from "../channel/frames.ts";

const PATHS = [
  "/predict",
  "/v1/chat/completions",
  "/v1/completions",
  "/v1/embeddings",
  "/v1/messages",
  "/v1/responses",
];

interface Schema {
  methods: Record<string, { input: unknown; output: unknown }>;
}

/** OpenAPI 3.1 of the routes that the model has. */
export function openApi(modelName: string, schema: Schema, methods: readonly string[]): unknown {
  const paths: Record<string, unknown> = {};
  PATHS.forEach((path, i) => {
    const method = METHODS[i] as string;
    if (!methods.includes(method)) return;
    const { input, output } = schema.methods[method] ?? { input: null, output: null };
    paths[path] = {
      post: {
        operationId: method,
        requestBody: { required: true, content: { "application/json": { schema: input ?? {} } } },
        responses: {
          200: {
            description: "The model's answer.",
            content: { "application/json": { schema: output ?? {} } },
          },
          default: {
            description: "An error.",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
          },
        },
      },
    };
  });
  return {
    openapi: "3.1.0",
    info: { title: modelName, version: "1.0.0" },
    paths,
    components: {
      schemas: {
        Error: {
          type: "object",
          required: ["error", "code", "request_id"],
          properties: { error: {}, code: { type: "string" }, request_id: { type: "string" }, details: {} },
        },
      },
    },
  };
}
