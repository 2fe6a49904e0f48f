import type { Socket } from "node:net";
import type { WireErrorCode } from "../../protocol/error-codes.ts";
import { requestId } from "./request-id.ts";
import { errorBody } from "./send-json.ts";

/** What is not HTTP, or too much or too slow of it, gets an answer in the one shape and a closed connection. */
export function answerBadHttp(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, reason, code, text] =
    error.code === "HPE_HEADER_OVERFLOW"
      ? [431, "Request Header Fields Too Large", "HEADERS_TOO_LARGE", "The request's headers are too large."]
      : error.code === "ERR_HTTP_REQUEST_TIMEOUT"
        ? [408, "Request Timeout", "REQUEST_TIMEOUT", "The request did not arrive in time."]
        : [400, "Bad Request", "INVALID_REQUEST", "The request is not valid HTTP."];
  const body = errorBody("plain", {
    code: code as WireErrorCode,
    error: text as string,
    requestId: requestId(undefined),
  });
  socket.end(
    `HTTP/1.1 ${status} ${reason}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
  setTimeout(() => socket.destroy(), 1000).unref();
}
