const STATUS = {
  "application/json": {
    schema: { type: "object", required: ["status"], properties: { status: { type: "string" } } },
  },
};
const ANYTHING = { "application/json": { schema: { type: "object" } } };
const UNAVAILABLE = { 503: { $ref: "#/components/responses/Unavailable" } };
const NO_SCHEMA = { 404: { $ref: "#/components/responses/OtherError" } };

/** Path, name of the operation, what it tells, body of a 200, other responses. */
const OPERATIONS: [path: string, id: string, summary: string, content: object, others: object][] = [
  ["/", "live", "The server lives.", STATUS, {}],
  ["/health/live", "healthLive", "The server lives.", STATUS, {}],
  ["/health/ready", "healthReady", "The model is loaded and healthy.", STATUS, UNAVAILABLE],
  ["/ping", "ping", "The model is loaded and healthy.", STATUS, UNAVAILABLE],
  ["/v1/models/{model}", "modelReady", "The model is loaded and healthy.", STATUS, UNAVAILABLE],
  ["/v1/models/{model}/loaded", "modelLoaded", "The model is loaded.", STATUS, UNAVAILABLE],
  ["/schema", "schema", "JSON Schemas of the model's methods.", ANYTHING, { ...NO_SCHEMA, ...UNAVAILABLE }],
  [
    "/v1/models/{model}/schema",
    "modelSchema",
    "JSON Schemas of the model's methods.",
    ANYTHING,
    { ...NO_SCHEMA, ...UNAVAILABLE },
  ],
  ["/openapi.json", "openapi", "This document.", ANYTHING, { ...NO_SCHEMA, ...UNAVAILABLE }],
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
    UNAVAILABLE,
  ],
  [
    "/metrics",
    "metrics",
    "Metrics, as Prometheus reads them.",
    { "text/plain": { schema: { type: "string" } } },
    {},
  ],
];

/** Routes of the server itself. */
export function serviceOperations(hasWebSocket: boolean): Record<string, unknown> {
  const paths: Record<string, unknown> = {};
  for (const [path, operationId, summary, content, others] of OPERATIONS) {
    paths[path] = {
      get: {
        operationId,
        summary,
        tags: ["service"],
        ...(path.includes("{model}") ? { parameters: [{ $ref: "#/components/parameters/Model" }] } : {}),
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
