import type { ServerResponse } from "node:http";
import { WIRE_ERRORS, type WireErrorCode } from "../../protocol/error-codes.ts";

export interface ErrorAnswer {
  code: WireErrorCode;
  error: string;
  requestId: string;
  status?: number;
  headers?: Record<string, string>;
  details?: unknown;
}

/** The body of an error answer, the same everywhere. */
export function errorBody(answer: Pick<ErrorAnswer, "code" | "error" | "requestId" | "details">): string {
  const { error, code, requestId, details } = answer;
  return JSON.stringify({
    error,
    code,
    request_id: requestId,
    ...(details === undefined ? {} : { details }),
  });
}

export function sendError(res: ServerResponse, answer: ErrorAnswer): void {
  const headers = { "x-request-id": answer.requestId, ...answer.headers };
  sendJson(res, { status: answer.status ?? WIRE_ERRORS[answer.code], headers, body: errorBody(answer) });
}

export function sendJson(
  res: ServerResponse,
  answer: { status: number; headers?: Record<string, string>; body: string },
): void {
  res.writeHead(answer.status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(answer.body),
    ...answer.headers,
  });
  res.end(answer.body);
}
