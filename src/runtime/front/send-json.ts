import type { IncomingMessage, ServerResponse } from "node:http";
import { ANTHROPIC_HEADER, errorFamily, type ErrorFamily } from "../../protocol/error-family.ts";
import { errorJson } from "../../protocol/error-shape.ts";
import { WIRE_ERRORS, type WireErrorCode } from "../../protocol/error-codes.ts";

export interface ErrorAnswer {
  code: WireErrorCode;
  error: string;
  requestId: string;
  status?: number;
  headers?: Record<string, string>;
  details?: unknown;
}

/** The body of an error answer, in the shape that the route's clients read. */
export function errorBody(
  family: ErrorFamily,
  answer: Pick<ErrorAnswer, "code" | "error" | "requestId" | "details" | "status">,
): string {
  return errorJson(family, { ...answer, status: answer.status ?? WIRE_ERRORS[answer.code] });
}

export function familyOf(req: IncomingMessage): ErrorFamily {
  return errorFamily(req.url ?? "", req.headers[ANTHROPIC_HEADER] !== undefined);
}

export function sendError(res: ServerResponse, answer: ErrorAnswer): void {
  const headers = { "x-request-id": answer.requestId, ...answer.headers };
  const body = errorBody(familyOf(res.req), answer);
  sendJson(res, { status: answer.status ?? WIRE_ERRORS[answer.code], headers, body });
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
