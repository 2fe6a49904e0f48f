import type { IncomingMessage } from "node:http";
import { ANTHROPIC_HEADER, errorFamily, type ErrorFamily } from "../protocol/error-family.ts";
import { errorJson } from "../protocol/error-shape.ts";
import type { HostError } from "./host-error.ts";

/** The body of a host's refusal, in the shape that the route's clients read. */
export function hostErrorJson(family: ErrorFamily, error: HostError, requestId: string): string {
  const { status, code, message, hint, details } = error;
  return errorJson(family, { status, code, error: message, requestId, hint, details });
}

export function familyOf(req: IncomingMessage): ErrorFamily {
  return errorFamily(req.url ?? "", req.headers[ANTHROPIC_HEADER] !== undefined);
}
