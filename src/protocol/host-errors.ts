/** Codes that a deployment server answers with, and the status of each. A running model's own are in error-codes.ts. */
export const HOST_ERRORS = {
  BAD_REQUEST: 400,
  BAD_MANIFEST: 400,
  BAD_PATH: 400,
  MANIFEST_MISMATCH: 400,
  BAD_DIGEST: 400,
  BAD_PART: 400,
  BAD_BATCH: 400,
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  REQUEST_TIMEOUT: 408,
  MISSING_FILES: 409,
  PARTS_MISSING: 409,
  PART_IN_PROGRESS: 409,
  CONFLICT: 409,
  WATCH_CONFLICT: 409,
  WATCH_LOST: 409,
  STALE_BASE: 409,
  NOTHING_TO_ROLL_BACK: 409,
  SECRETS_MISSING: 409,
  GONE: 410,
  REF_CONFLICT: 412,
  FILE_TOO_LARGE: 413,
  PACKAGE_TOO_LARGE: 413,
  TOO_MANY_FILES: 413,
  BODY_TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
  DIGEST_MISMATCH: 422,
  PART_MISMATCH: 422,
  WRONG_TARGET: 422,
  TOO_MANY_UPLOADS: 429,
  INTERNAL: 500,
  NO_DEPLOYMENT: 503,
  REPLICA_UNAVAILABLE: 503,
  REPLICA_LOST: 502,
  OVERLOADED: 503,
  WAKE_TIMEOUT: 503,
  SHUTTING_DOWN: 503,
  STORAGE_FULL: 507,
} as const satisfies Record<string, number>;

export type HostErrorCode = keyof typeof HOST_ERRORS;

/** The body of every error answer of a deployment server. */
export interface HostErrorBody {
  error: string;
  code: HostErrorCode;
  request_id: string;
  hint?: string;
  details?: unknown;
}
