import type { JsonSchema, MethodTypes } from "../../protocol/model-types.ts";
import { NamedSchemas } from "../../protocol/named-schemas.ts";
import { CALLABLE_METHODS, METHODS } from "../../protocol/methods.ts";
import { answerContent, requestContent } from "./openapi-content.ts";
import {
  ERROR_RESPONSES,
  HEADERS,
  HOST_RESPONSES,
  PARAMETERS,
  RESPONSES,
  SCHEMAS,
  SECURITY,
} from "./openapi-parts.ts";
import { INFERENCE_SCHEMAS } from "./openapi-inference.ts";
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
  /** Where its routes are, and whether they need a key. */
  place: { path: string; needsKey: boolean };
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
  "application/json": { schema: { $ref: "#/components/schemas/InferenceRequest" } },
  "application/octet-stream": { schema: {} },
};
const ANSWERED_TENSORS = {
  "application/json": { schema: { $ref: "#/components/schemas/InferenceResponse" } },
  "application/octet-stream": { schema: {} },
};

/** OpenAPI 3.1 of the routes that the model has. */
export function openApi(options: OpenApiOptions): unknown {
  const { modelName, description, version, schema, methods, place } = options;
  const names = new NamedSchemas("#/components/schemas/", { ...SCHEMAS, ...INFERENCE_SCHEMAS });
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
      const operation = {
        operationId: "infer",
        path,
        types: INFERENCE,
        body: TENSORS,
        content: ANSWERED_TENSORS,
      };
      paths[path] = { post: modelOperation(operation) };
    }
    if (method === "predict") {
      const path = "/v1/models/{model}:predict_binary";
      const operationId = "predictBinaryByModelName";
      paths[path] = { post: modelOperation({ operationId, path, types, body, content }) };
    }
  }
  const all = { ...paths, ...serviceOperations(has.has("websocket")) } as Paths;
  return {
    openapi: "3.1.0",
    info: { title: modelName, version, ...(description === null ? {} : { description }) },
    servers: [{ url: place.path }],
    security: place.needsKey ? Object.keys(SECURITY).map((name) => ({ [name]: [] })) : [],
    tags: [
      { name: "model", description: "Calls of the model." },
      { name: "service", description: "Health, metrics and documents of its server." },
    ],
    paths: place.needsKey ? withHostAnswers(all) : all,
    components: {
      schemas: names.all,
      parameters: { ...PARAMETERS, OwnModel: ownModel(modelName) },
      headers: HEADERS,
      responses: RESPONSES,
      ...(place.needsKey ? { securitySchemes: SECURITY } : {}),
    },
  };
}

type Paths = Record<string, Record<string, { responses: object }>>;

/** Through a host, every route may be answered by the host. */
function withHostAnswers(paths: Paths): Paths {
  for (const operations of Object.values(paths))
    for (const operation of Object.values(operations))
      operation.responses = { ...HOST_RESPONSES, ...operation.responses };
  return paths;
}

/** A host names a model with its environment, too. */
function ownModel(name: string): object {
  return { ...PARAMETERS.OwnModel, schema: { type: "string", enum: [name] } };
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
