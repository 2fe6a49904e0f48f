import type { IncomingMessage, ServerResponse } from "node:http";
import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { acceptedCodings } from "../../http/content-coding.ts";
import { HostError } from "../host-error.ts";
import { familyOf, hostErrorJson } from "../host-error-json.ts";

/** A client that goes on sending a body that nobody wants is cut off after this: time enough to read the answer. */
export const LINGER_MS = 2000;

/** Answers in the one shape. What is not a HostError is INTERNAL, without its words. */
export function sendHostError(
  req: IncomingMessage,
  res: ServerResponse,
  failure: { error: unknown; requestId: string; headers?: Record<string, string> },
): void {
  if (res.headersSent) {
    res.destroy();
    return;
  }
  const error = asHostError(failure.error);
  const family = familyOf(req);
  const body = hostErrorJson(family, error, failure.requestId);
  res.writeHead(error.status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
    "x-request-id": failure.requestId,
    // Anthropic's clients look for the id under another name.
    ...(family === "anthropic" ? { "request-id": failure.requestId } : {}),
    ...(error.retryAfter === undefined ? {} : { "retry-after": String(error.retryAfter) }),
    ...(error.code === "UNSUPPORTED_MEDIA_TYPE" ? { "accept-encoding": acceptedCodings() } : {}),
    ...failure.headers,
  });
  res.end(req.method === "HEAD" ? undefined : body);
  drainRequest(req);
}

/** The same for a request that wanted to become a WebSocket. */
export function refuseUpgrade(socket: Duplex, failure: { error: unknown; requestId: string }): void {
  const error = asHostError(failure.error);
  const body = hostErrorJson("plain", error, failure.requestId);
  const lines = [
    `HTTP/1.1 ${error.status} ${STATUS_CODES[error.status]}`,
    "Content-Type: application/json",
    `Content-Length: ${Buffer.byteLength(body)}`,
    `x-request-id: ${failure.requestId}`,
    ...(error.retryAfter === undefined ? [] : [`Retry-After: ${error.retryAfter}`]),
    "Connection: close",
  ];
  socket.end(`${lines.join("\r\n")}\r\n\r\n${body}`);
  setTimeout(() => socket.destroy(), LINGER_MS).unref();
}

/** Reads on for a while, so that the answer is not lost in a reset connection. */
export function drainRequest(req: IncomingMessage): void {
  if (req.complete) return;
  req.resume();
  const hangUp = setTimeout(() => req.socket.destroy(), LINGER_MS).unref();
  req.once("end", () => clearTimeout(hangUp));
}

function asHostError(error: unknown): HostError {
  return error instanceof HostError
    ? error
    : new HostError("INTERNAL", "The server failed to pass the request on.");
}
