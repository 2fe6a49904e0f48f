import type { IncomingMessage } from "node:http";

/** The caller's key as an Authorization header would have it; Anthropic's clients send it as `x-api-key`. */
export function inferenceAuthorization(req: IncomingMessage): string | undefined {
  return isKeyOfThisServer(req) ? `Bearer ${String(req.headers["x-api-key"])}` : req.headers.authorization;
}

/** Beside an Authorization header, `x-api-key` is a matter between the caller and the model. */
export function isKeyOfThisServer({ headers }: IncomingMessage): boolean {
  return headers.authorization === undefined && headers["x-api-key"] !== undefined;
}
