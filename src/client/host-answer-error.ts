import { AppError, type ErrorCode } from "../errors.ts";
import type { HostErrorBody, HostErrorCode } from "../protocol/host-errors.ts";

const CODES: Partial<Record<number, ErrorCode>> = {
  401: "NOT_SIGNED_IN",
  403: "FORBIDDEN",
  404: "NOT_ON_HOST",
  412: "PUSH_CONFLICT",
};

/** An error answer of a deployment server, in its own words. */
export class HostAnswerError extends AppError {
  readonly status: number;
  readonly hostCode: HostErrorCode | null;
  readonly details: unknown;
  /** Seconds. */
  readonly retryAfter: number;

  constructor(
    status: number,
    body: Partial<HostErrorBody> | undefined,
    { retryAfter, url }: { retryAfter: number; url: string },
  ) {
    const code = CODES[status] ?? "HOST_REFUSED";
    const hint = body?.hint ?? hintFor(status, url);
    super(code, body?.error ?? `The deployment server at ${url} answered ${status}.`, {
      ...(hint === undefined ? {} : { hint }),
      data: { status, host_code: body?.code ?? null, request_id: body?.request_id ?? null },
    });
    this.status = status;
    this.hostCode = body?.code ?? null;
    this.details = body?.details;
    this.retryAfter = retryAfter;
  }
}

function hintFor(status: number, url: string): string | undefined {
  if (status === 401)
    return `Give a key of ${url}: set PURLIN_API_KEY, or purlin remote add NAME URL --api-key-stdin.`;
  if (status === 404) return `Is ${url} a deployment server of Purlin?`;
  return undefined;
}
