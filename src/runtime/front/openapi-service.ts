const STATUS = {
  "application/json": {
    schema: { type: "object", required: ["status"], properties: { status: { type: "string" } } },
  },
};
const ANYTHING = { "application/json": { schema: { type: "object" } } };
const UNAVAILABLE = { 503: { $ref: "#/components/responses/Unavailable" } };
const NOT_FOUND = { 404: { $ref: "#/components/responses/NotFound" } };
const LISTED = {
  type: "object",
  required: ["id", "object", "created", "owned_by"],
  properties: {
    id: { type: "string" },
    object: { const: "model" },
    created: { type: "integer" },
    owned_by: { type: "string" },
  },
};
const LIST = {
  "application/json": {
    schema: {
      type: "object",
      required: ["object", "data"],
      properties: { object: { const: "list" }, data: { type: "array", items: LISTED } },
    },
  },
};

/** Path, name of the operation, what it tells, body of a 200, other responses. */
const OPERATIONS: [path: string, id: string, summary: string, content: object, others: object][] = [
  ["/", "live", "The server lives.", STATUS, {}],
  ["/health/live", "healthLive", "The server lives.", STATUS, {}],
  ["/health/ready", "healthReady", "The model is loaded and healthy.", STATUS, UNAVAILABLE],
  ["/ping", "ping", "The model is loaded and healthy.", STATUS, UNAVAILABLE],
  ["/v1/models", "models", "The model, as clients of OpenAI list it.", LIST, {}],
  ["/v1/models/{model}", "modelReady", "The model is loaded and healthy.", STATUS, UNAVAILABLE],
  ["/v1/models/{model}/loaded", "modelLoaded", "The model is loaded.", STATUS, UNAVAILABLE],
  ["/schema", "schema", "JSON Schemas of the model's methods.", ANYTHING, { ...NOT_FOUND, ...UNAVAILABLE }],
  [
    "/v1/models/{model}/schema",
    "modelSchema",
    "JSON Schemas of the model's methods.",
    ANYTHING,
    { ...NOT_FOUND, ...UNAVAILABLE },
  ],
  ["/openapi.json", "openapi", "This document.", ANYTHING, UNAVAILABLE],
  ["/v2", "inferenceServer", "The server, by the Open Inference Protocol.", ANYTHING, {}],
  ["/v2/health/live", "inferenceLive", "The server lives.", STATUS, {}],
  ["/v2/health/ready", "inferenceReady", "The model is loaded and healthy.", STATUS, UNAVAILABLE],
  [
    "/v2/models/{model}",
    "inferenceModel",
    "The model, by the Open Inference Protocol.",
    ANYTHING,
    UNAVAILABLE,
  ],
  [
    "/v2/models/{model}/ready",
    "inferenceModelReady",
    "The model is loaded and healthy.",
    STATUS,
    { ...NOT_FOUND, ...UNAVAILABLE },
  ],
  [
    "/metrics",
    "metrics",
    "Metrics, as Prometheus reads them.",
    { "text/plain": { schema: { type: "string" } } },
    {},
  ],
];

/** Any name will do, but where clients of the Open Inference Protocol ask whether a model is there. */
function modelParameter(path: string): { $ref: string } {
  return { $ref: `#/components/parameters/${path === "/v2/models/{model}/ready" ? "OwnModel" : "Model"}` };
}

/** Routes of the server itself. */
export function serviceOperations(hasWebSocket: boolean): Record<string, unknown> {
  const paths: Record<string, unknown> = {};
  for (const [path, operationId, summary, content, others] of OPERATIONS) {
    paths[path] = {
      get: {
        operationId,
        summary,
        tags: ["service"],
        ...(path.includes("{model}") ? { parameters: [modelParameter(path)] } : {}),
        responses: { 200: { description: summary, content }, ...others },
      },
    };
  }
  if (!hasWebSocket) return paths;
  const switched = { 101: { description: "It is one." }, ...UNAVAILABLE };
  const get = {
    operationId: "websocket",
    summary: "Becomes a WebSocket.",
    tags: ["model"],
    responses: switched,
  };
  return { ...paths, "/v1/websocket": { get } };
}
