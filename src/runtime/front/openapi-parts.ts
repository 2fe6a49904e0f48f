import { MOST_TIMEOUT_MS } from "./request-deadline.ts";
import type { JsonSchema } from "../../protocol/model-types.ts";

/** What every error answer looks like (contract §6). */
export const SCHEMAS: Record<string, JsonSchema> = {
  Error: {
    type: "object",
    required: ["error", "code", "request_id"],
    properties: {
      error: { description: "One sentence; what the model gave to HttpError, where it threw one." },
      code: { type: "string", description: "A stable word for programs.", examples: ["INVALID_INPUT"] },
      request_id: { type: "string", description: "As in the log." },
      details: { description: "With INVALID_INPUT: every place that breaks the schema." },
    },
  },
  InvalidInput: {
    type: "object",
    required: ["error", "code", "request_id"],
    properties: {
      error: {},
      code: { type: "string" },
      request_id: { type: "string" },
      details: {
        type: "array",
        items: {
          type: "object",
          required: ["path", "message"],
          properties: {
            path: { type: "string", examples: ["items[2].name"] },
            message: { type: "string" },
          },
        },
      },
    },
  },
};

/** Of a host: either will do. */
export const SECURITY = {
  key: { type: "http", scheme: "bearer", description: "A key of the host, with the scope invoke." },
  apiKey: {
    type: "apiKey",
    in: "header",
    name: "x-api-key",
    description: "The same, as Anthropic's clients send it.",
  },
};

export const HEADERS = {
  RequestId: { description: "The id of the request, as it was given or made.", schema: { type: "string" } },
  RetryAfter: {
    description: "Seconds until another try makes sense.",
    schema: { type: "integer", minimum: 0 },
  },
};

export const PARAMETERS = {
  Model: {
    name: "model",
    in: "path",
    required: true,
    description: "Any name: a server has one model.",
    schema: { type: "string" },
  },
  OwnModel: {
    name: "model",
    in: "path",
    required: true,
    description: "The model that this server has.",
    schema: { type: "string" },
  },
  RequestId: {
    name: "x-request-id",
    in: "header",
    required: false,
    description:
      "Comes back with the answer, and stands on each log line of the request. A new one is made for what is no id of at most 128 characters.",
    schema: { type: "string" },
  },
  RequestTimeout: {
    name: "x-request-timeout-ms",
    in: "header",
    required: false,
    description: "After so many milliseconds the answer is 504; the request is not started any more.",
    schema: { type: "integer", minimum: 1, maximum: MOST_TIMEOUT_MS },
  },
};

const error = (description: string, { schema = "Error", retry = false } = {}): unknown => ({
  description,
  headers: {
    "x-request-id": { $ref: "#/components/headers/RequestId" },
    ...(retry ? { "retry-after": { $ref: "#/components/headers/RetryAfter" } } : {}),
  },
  content: { "application/json": { schema: { $ref: `#/components/schemas/${schema}` } } },
});

export const RESPONSES = {
  BadRequest: error("The body is no JSON, or breaks the schema: INVALID_JSON, INVALID_INPUT.", {
    schema: "InvalidInput",
  }),
  NotFound: error("There is no such method, or no such model: METHOD_NOT_IMPLEMENTED, NOT_FOUND."),
  RequestTimeout: error("The request did not arrive in time: REQUEST_TIMEOUT."),
  PoisonRequest: error("The body has ended the model process again and again: POISON_REQUEST."),
  Unauthenticated: error("The host does not know the key: UNAUTHENTICATED."),
  Forbidden: error("The key is not for this model: FORBIDDEN."),
  ReplicaLost: error("The model's process went away before it answered: REPLICA_LOST."),
  BodyTooLarge: error("The body is above runtime.max_body_bytes: BODY_TOO_LARGE."),
  UnsupportedMediaType: error("The model does not take that content type: UNSUPPORTED_MEDIA_TYPE."),
  ModelError: error("The model threw, or answered with what JSON cannot hold; the log has the reason."),
  Unavailable: error(
    "Not loaded, overloaded, or the model process died: MODEL_NOT_READY, OVERLOADED, MODEL_CRASHED.",
    {
      retry: true,
    },
  ),
  DeadlineExceeded: error("Out of time: DEADLINE_EXCEEDED."),
  OtherError: error("Any other error, with the status that the model gave it."),
};

const response = (name: keyof typeof RESPONSES): unknown => ({ $ref: `#/components/responses/${name}` });

/** Those of every route that calls the model. */
export const ERROR_RESPONSES = {
  400: response("BadRequest"),
  404: response("NotFound"),
  408: response("RequestTimeout"),
  413: response("BodyTooLarge"),
  415: response("UnsupportedMediaType"),
  422: response("PoisonRequest"),
  500: response("ModelError"),
  503: response("Unavailable"),
  504: response("DeadlineExceeded"),
  default: response("OtherError"),
};

/** Those that a host adds to every route. */
export const HOST_RESPONSES = {
  401: response("Unauthenticated"),
  403: response("Forbidden"),
  404: response("NotFound"),
  502: response("ReplicaLost"),
  503: response("Unavailable"),
};
