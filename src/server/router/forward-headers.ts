import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import { DEPLOYMENT_PATH_HEADER } from "../../protocol/deployment-path.ts";
import { isKeyOfThisServer } from "./inference-authorization.ts";

/** Speak of one connection only, or are written anew. `trailer` is not among them: trailers are passed on. */
const HOP_BY_HOP = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "transfer-encoding",
  "upgrade",
]);

/** The caller's key is for this server; a model must not come by it. */
const WRITTEN_ANEW = new Set(["authorization", "content-length", "x-request-id", DEPLOYMENT_PATH_HEADER]);

export interface ForwardOptions {
  requestId: string;
  /** Forwarding headers of the caller are believed and added to: it is a proxy of ours. */
  isTrusted: boolean;
}

/** What goes to the replica: everything in its order and spelling, duplicates too, but what belongs to the hop. */
export function requestHeaders(req: IncomingMessage, options: ForwardOptions): string[] {
  const { rawHeaders, headers } = req;
  const out: string[] = [];
  const dropped = namedByConnection(headers.connection);
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string;
    const lower = name.toLowerCase();
    if (HOP_BY_HOP.has(lower) || WRITTEN_ANEW.has(lower) || dropped?.has(lower)) continue;
    if (lower === "x-api-key" && isKeyOfThisServer(req)) continue;
    if (lower.startsWith("x-forwarded-") && isOurs(lower)) continue;
    out.push(name, rawHeaders[i + 1] as string);
  }
  if (dropped?.has("host") && headers.host !== undefined) out.push("Host", headers.host);
  if (/\btrailers\b/i.test(String(headers.te ?? ""))) out.push("TE", "trailers");
  out.push("x-request-id", options.requestId);
  pushForwarded(out, req, options.isTrusted);
  pushDeploymentPath(out, req, options.isTrusted);
  return out;
}

/** What goes before a replica's own path; a proxy of ours may have taken a prefix away. */
const DOCUMENT = /^(\/models\/.+\/sync)\/openapi\.json(?:\?|$)/;

function pushDeploymentPath(out: string[], req: IncomingMessage, isTrusted: boolean): void {
  const [, path] = DOCUMENT.exec(req.url ?? "") ?? [];
  if (path === undefined) return;
  const prefix = isTrusted ? req.headers["x-forwarded-prefix"] : undefined;
  const before = typeof prefix === "string" ? prefix.replace(/\/$/, "") : "";
  out.push(DEPLOYMENT_PATH_HEADER, before + path);
}

/** The header that says how long the body is, as the caller said it; a body of unknown length is chunked. */
export function framing(req: IncomingMessage): string[] {
  if (req.headers["transfer-encoding"] !== undefined) return ["Transfer-Encoding", "chunked"];
  const length = req.headers["content-length"];
  if (length !== undefined) return ["Content-Length", length];
  return req.method === "POST" || req.method === "PUT" || req.method === "PATCH"
    ? ["Content-Length", "0"]
    : [];
}

/** What goes back to the caller. */
export function responseHeaders(
  answer: IncomingMessage,
  options: { requestId: string; keepsTrailer: boolean },
): string[] {
  const { rawHeaders, headers } = answer;
  const out: string[] = [];
  const dropped = namedByConnection(headers.connection);
  const isChunked = headers["transfer-encoding"] !== undefined;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string;
    const lower = name.toLowerCase();
    if (HOP_BY_HOP.has(lower) || dropped?.has(lower)) continue;
    if (lower === "content-length" && isChunked) continue;
    if (lower === "trailer" && !options.keepsTrailer) continue;
    out.push(name, rawHeaders[i + 1] as string);
  }
  if (headers["x-request-id"] === undefined) out.push("x-request-id", options.requestId);
  return out;
}

/** Names that a Connection header lists beside the usual two. */
function namedByConnection(value: string | undefined): Set<string> | null {
  if (value === undefined || value === "keep-alive" || value === "close") return null;
  const names = value
    .toLowerCase()
    .split(",")
    .map((name) => name.trim());
  return new Set(names.filter((name) => name !== ""));
}

function isOurs(lower: string): boolean {
  return lower === "x-forwarded-for" || lower === "x-forwarded-proto" || lower === "x-forwarded-host";
}

function pushForwarded(out: string[], req: IncomingMessage, isTrusted: boolean): void {
  const { headers, socket } = req;
  const earlier = (name: string): string | undefined => {
    const value = isTrusted ? headers[name] : undefined;
    return Array.isArray(value) ? value.join(", ") : value;
  };
  const address = (socket.remoteAddress ?? "").replace(/^::ffff:(?=[\d.]+$)/, "");
  const chain = [earlier("x-forwarded-for"), isIP(address) === 0 ? undefined : address].filter(Boolean);
  if (chain.length > 0) out.push("x-forwarded-for", chain.join(", "));
  const isTls = (socket as { encrypted?: boolean }).encrypted === true;
  out.push("x-forwarded-proto", earlier("x-forwarded-proto") ?? (isTls ? "https" : "http"));
  const host = earlier("x-forwarded-host") ?? headers.host;
  if (host !== undefined) out.push("x-forwarded-host", host);
}
