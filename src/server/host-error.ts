import { HOST_ERRORS, type HostErrorCode } from "../protocol/host-errors.ts";

/** A refusal that is the caller's to mend; the API answers with its code, status, message and hint. */
export class HostError extends Error {
  readonly code: HostErrorCode;
  readonly status: number;
  readonly hint: string | undefined;
  readonly details: unknown;
  /** Seconds, for Retry-After. */
  readonly retryAfter: number | undefined;

  constructor(
    code: HostErrorCode,
    message: string,
    options: { hint?: string; details?: unknown; retryAfter?: number } = {},
  ) {
    super(message);
    this.name = "HostError";
    this.code = code;
    this.status = HOST_ERRORS[code];
    this.hint = options.hint;
    this.details = options.details;
    this.retryAfter = options.retryAfter;
  }
}
