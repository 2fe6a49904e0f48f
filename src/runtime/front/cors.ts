import type { IncomingMessage } from "node:http";

/** CORS headers for a request from an allowed origin; `*` allows all. */
export function corsHeaders(req: IncomingMessage, allowed: readonly string[]): string[] {
  const { origin } = req.headers;
  if (origin === undefined || !(allowed.includes("*") || allowed.includes(origin))) return ["vary", "origin"];
  const headers = ["vary", "origin", "access-control-allow-origin", origin];
  headers.push("access-control-expose-headers", "x-request-id, retry-after, inference-header-content-length");
  if (!isPreflight(req)) return headers;
  const asked = req.headers["access-control-request-headers"] ?? "content-type, authorization, x-request-id";
  headers.push(
    "access-control-allow-methods",
    "GET, POST, OPTIONS",
    "access-control-allow-headers",
    String(asked),
  );
  headers.push("access-control-max-age", "600");
  return headers;
}

export function isPreflight(req: IncomingMessage): boolean {
  return req.method === "OPTIONS" && req.headers["access-control-request-method"] !== undefined;
}
