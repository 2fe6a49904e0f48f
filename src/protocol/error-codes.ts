/** Codes that a running model answers with, and the status of each (model contract §6). */
export const WIRE_ERRORS = {
  MODEL_NOT_READY: 503,
  MODEL_LOAD_FAILED: 503,
  INVALID_JSON: 400,
  INVALID_MSGPACK: 400,
  INVALID_FORM: 400,
  INVALID_INPUT: 400,
  INVALID_REQUEST: 400,
  BODY_TOO_LARGE: 413,
  HEADERS_TOO_LARGE: 431,
  REQUEST_TIMEOUT: 408,
  UNSUPPORTED_MEDIA_TYPE: 415,
  HTTP_ERROR: 500,
  MODEL_ERROR: 500,
  UNSERIALIZABLE_OUTPUT: 500,
  OVERLOADED: 503,
  DEADLINE_EXCEEDED: 504,
  MODEL_CRASHED: 503,
  POISON_REQUEST: 422,
  CANCELLED: 499,
  NOT_FOUND: 404,
  METHOD_NOT_IMPLEMENTED: 404,
  NO_SCHEMA: 404,
  METHOD_NOT_ALLOWED: 405,
  UPGRADE_REQUIRED: 426,
  SHUTTING_DOWN: 503,
} as const satisfies Record<string, number>;

export type WireErrorCode = keyof typeof WIRE_ERRORS;

/** The body of every error answer. */
export interface WireError {
  error: unknown;
  code: string;
  request_id: string;
  details?: unknown;
}
