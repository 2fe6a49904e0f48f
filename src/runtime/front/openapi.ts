import type { JsonSchema, MethodTypes } from "../../protocol/model-types.ts";
import { NamedSchemas } from "../../protocol/named-schemas.ts";
import { CALLABLE_METHODS, METHODS } from "../../protocol/methods.ts";
import { answerContent, requestContent } from "./openapi-content.ts";
import { ERROR_RESPONSES, HEADERS, PARAMETERS, RESPONSES, SCHEMAS } from "./openapi-parts.ts";
import { serviceOperations } from "./openapi-service.ts";

export interface OpenApiOptions {
  modelName: string;
  description: string | null;
  /** Digest of the package. */
  version: string;
  /** What /schema answers; null where there is none. */
  schema: { methods: Record<string, Partial<MethodTypes>> } | null;
  /** Methods that the model has. */
  methods: readonly string[];
}

/** Names of operations are in the code of clients that were generated: one that is out stays as it is. */
const OPERATION_IDS: Record<string, string> = {
  "/invocations": "predictByInvocation",
  "/v2/rerank": "rerankV2",
};

/** Method, path and name of the operation. */
const ROUTES: [method: string, path: string, operationId: string][] = [
  ...CALLABLE_METHODS.flatMap(({ name, paths }) => paths.map((path) => operation(name, path))),
  ["predict", "/v1/models/{model}:predict", "predictByModelName"],
];

function operation(method: string, path: string): [string, string, string] {
  return [method, path, OPERATION_IDS[path] ?? method];
}

/** The Open Inference Protocol over predict: it has a document of its own. */
const INFERENCE = { description: "predict by the Open Inference Protocol v2: named tensors in and out." };
const TENSORS = {
  "application/json": { schema: { type: "object" } },
  "application/octet-stream": { schema: {} },
};

/** OpenAPI 3.1 of the routes that the model has. */
export function openApi({ modelName, description, version, schema, methods }: OpenApiOptions): unknown {
  const names = new NamedSchemas("#/components/schemas/", SCHEMAS);
  const paths: Record<string, unknown> = {};
  // predictBatch answers on the routes of predict.
  const has = new Set(methods.map((method) => (method === "predictBatch" ? "predict" : method)));
  for (const method of METHODS.filter((one) => has.has(one))) {
    const types = schema?.methods[method] ?? {};
    const body = requestContent(method, types, names);
    const content = answerContent(method, types, names);
    for (const [of, path, operationId] of ROUTES) {
      if (of !== method) continue;
      paths[path] = { post: modelOperation({ operationId, path, types, body, content }) };
    }
    if (method === "predict" && types.binary_input !== true) {
      const path = "/v2/models/{model}/infer";
      const operation = { operationId: "infer", path, types: INFERENCE, body: TENSORS, content: TENSORS };
      paths[path] = { post: modelOperation(operation) };
    }
  }
  return {
    openapi: "3.1.0",
    info: { title: modelName, version, ...(description === null ? {} : { description }) },
    servers: [{ url: "/" }],
    security: [],
    tags: [
      { name: "model", description: "Calls of the model." },
      { name: "service", description: "Health, metrics and documents of its server." },
    ],
    paths: { ...paths, ...serviceOperations(has.has("websocket")) },
    components: { schemas: names.all, parameters: PARAMETERS, headers: HEADERS, responses: RESPONSES },
  };
}

interface ModelOperation {
  operationId: string;
  path: string;
  types: Partial<MethodTypes>;
  body: Record<string, { schema: JsonSchema }>;
  content: Record<string, { schema: JsonSchema }>;
}

function modelOperation({ operationId, path, types, body, content }: ModelOperation): unknown {
  const parameter = (name: string): unknown => ({ $ref: `#/components/parameters/${name}` });
  return {
    operationId,
    tags: ["model"],
    ...(types.description === undefined ? {} : { description: types.description }),
    parameters: [
      ...(path.includes("{model}") ? [parameter("Model")] : []),
      parameter("RequestId"),
      parameter("RequestTimeout"),
    ],
    requestBody: { required: true, content: body },
    responses: {
      200: {
        description:
          types.supports_streaming === true ? "The model's answer, as it comes." : "The model's answer.",
        headers: { "x-request-id": { $ref: "#/components/headers/RequestId" } },
        content,
      },
      ...ERROR_RESPONSES,
    },
  };
}
