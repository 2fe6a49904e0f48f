import { randomBytes } from "node:crypto";
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import type { KeyScope } from "../../protocol/host-api.ts";
import { TRANSFER_LIMITS } from "../../protocol/transfer.ts";
import type { Audit } from "../access/audit.ts";
import type { Keys } from "../access/keys.ts";
import { HostError } from "../host-error.ts";
import { familyOf, hostErrorJson } from "../host-error-json.ts";
import { inferenceAuthorization } from "../router/inference-authorization.ts";
import { readJsonBody } from "../transfer/body.ts";
import { compileRoutes } from "./match-route.ts";
import type { ApiCall, CallKey, Route } from "./route.ts";
import { StrangerLimit } from "./stranger-limit.ts";

export interface ApiOptions {
  routes: readonly Route[];
  keys: Keys;
  audit: Audit;
  /** A bug, or a disk that fails: for the host's own log. */
  onError(error: unknown, request: { method: string; path: string; request_id: string }): void;
}

const RANK: Record<KeyScope, number> = { invoke: 0, deploy: 1, admin: 2 };
const NOBODY: CallKey = { id: "", name: "", scope: "invoke", models: [] };
/** What a client still sends after it was refused is read for so long, so that it hears why. */
const LINGER_MS = 2000;

/** Answers every request that is not an inference: authentication, limits, errors and audit are the same for all. */
export function createApi({ routes, keys, audit, onError }: ApiOptions) {
  const match = compileRoutes(routes);
  const strangers = new StrangerLimit();
  return async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const requestId = requestIdOf(req);
    const target = req.url ?? "/";
    const method = req.method ?? "GET";
    res.setHeader("x-request-id", requestId);
    let key = NOBODY;
    let found: { route: Route; params: Record<string, string> } | null = null;
    const detail: Record<string, unknown> = {};
    try {
      const url = urlOf(target);
      const result = match(method, url.pathname);
      if (!("route" in result)) throw notFound(result.allow, method, url.pathname, res);
      found = result;
      const { route, params } = result;
      if (route.scope !== "none") key = keys.check(authorizationOf(req));
      if (route.scope !== "none" && route.scope !== "any") requireScope(key, route.scope);
      const requireModel = (model: string): void => mayUse(key, model);
      if (params["model"] !== undefined) requireModel(params["model"]);
      const gone = new AbortController();
      res.once("close", () => res.writableFinished || gone.abort());
      const call: ApiCall = {
        req,
        res,
        headers: req.headers,
        params,
        url,
        requestId,
        key,
        signal: gone.signal,
        json: (status, value, headers) => sendJson({ req, res }, status, value, headers),
        readJson: (limit) => readJsonBody(req, limit, TRANSFER_LIMITS),
        requireModel,
        audit: (more) => void Object.assign(detail, more),
      };
      await route.handle(call);
    } catch (error) {
      if (!(error instanceof HostError))
        onError(error, { method, path: pathOf(target), request_id: requestId });
      sendError({ req, res }, error, requestId);
    }
    if (found?.route.audit === undefined) return;
    const { model, ...rest } = detail;
    if (key === NOBODY) {
      const untold = strangers.admit();
      if (untold === null) return;
      if (untold > 0) rest["refused_before"] = untold;
    }
    try {
      audit.append({
        key: key.id,
        key_name: key.name,
        action: found.route.audit,
        model: found.params["model"] ?? (model as string | undefined) ?? null,
        status: res.statusCode,
        request_id: requestId,
        detail: rest,
      });
    } catch (error) {
      onError(error, { method, path: pathOf(target), request_id: requestId });
    }
  };
}

/** Clients of Anthropic ask for models with their key in a header of their own. */
function authorizationOf(req: IncomingMessage): string | undefined {
  return familyOf(req) === "plain" ? req.headers.authorization : inferenceAuthorization(req);
}

/** Throws HostError FORBIDDEN. */
export function requireScope(key: CallKey, scope: KeyScope): void {
  if (RANK[key.scope] >= RANK[scope]) return;
  throw new HostError("FORBIDDEN", `The key "${key.name}" may ${key.scope} only; this needs ${scope}.`, {
    hint: `Make one that may: purlin keys create NAME --scope ${scope}`,
  });
}

/** Throws HostError FORBIDDEN where a key is for other models. */
export function mayUse(key: CallKey, model: string): void {
  if (key.models === null || key.models.includes(model)) return;
  throw new HostError("FORBIDDEN", `The key "${key.name}" is not for the model ${model}.`, {
    hint: `It is for: ${key.models.join(", ")}.`,
  });
}

/** The caller's own, where it is a decent one. */
export function requestIdOf(req: IncomingMessage): string {
  const given = req.headers["x-request-id"];
  return typeof given === "string" && /^[\w.-]{1,128}$/.test(given)
    ? given
    : `req_${randomBytes(9).toString("base64url")}`;
}

/** A path may be whatever a client likes, `//` as well; a target that is no path at all is refused. */
function urlOf(target: string): URL {
  const text = target.startsWith("/") ? `http://host${target}` : target;
  if (URL.canParse(text)) return new URL(text);
  throw new HostError("BAD_REQUEST", "The target of the request is neither a path nor an address.");
}

/** Without its query, for the log. */
const pathOf = (target: string): string => target.replace(/\?.*$/s, "");

interface Exchange {
  req: IncomingMessage;
  res: ServerResponse;
}

function sendJson(
  { req, res }: Exchange,
  status: number,
  value: unknown,
  headers: OutgoingHttpHeaders = {},
): void {
  sendText({ req, res }, status, value === undefined ? "" : `${JSON.stringify(value)}\n`, headers);
}

function sendText({ req, res }: Exchange, status: number, text: string, headers: OutgoingHttpHeaders): void {
  linger({ req, res });
  res.writeHead(status, {
    ...(text === "" ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(text) }),
    "cache-control": "no-store",
    ...headers,
  });
  res.end(req.method === "HEAD" ? undefined : text);
}

function sendError(exchange: Exchange, error: unknown, requestId: string): void {
  const { req, res } = exchange;
  if (res.headersSent) {
    // A stream that breaks must not look like one that ended.
    res.destroy();
    return;
  }
  const known =
    error instanceof HostError
      ? error
      : new HostError("INTERNAL", "The host failed; its log has the reason under this request_id.");
  const { status, retryAfter } = known;
  sendText({ req, res }, status, `${hostErrorJson(familyOf(req), known, requestId)}\n`, {
    ...(retryAfter === undefined ? {} : { "retry-after": String(retryAfter) }),
    ...(status === 401 ? { "www-authenticate": "Bearer" } : {}),
  });
}

/** An answer before the end of the request: the connection is of no further use, and closing it at once would hide the answer. */
function linger({ req, res }: Exchange): void {
  if (req.complete || req.headers["content-length"] === "0") return;
  if (req.headers["content-length"] === undefined && req.headers["transfer-encoding"] === undefined) return;
  res.setHeader("connection", "close");
  req.resume();
  const { socket } = req;
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  timer.unref();
  socket.once("close", () => clearTimeout(timer));
}

function notFound(allow: string[], method: string, path: string, res: ServerResponse): HostError {
  if (allow.length === 0) {
    return new HostError("NOT_FOUND", `There is no route ${path}.`, {
      hint: "docs/reference/http.md lists the routes; inference is under /models/{model}/production/predict.",
    });
  }
  res.setHeader("allow", allow.join(", "));
  return new HostError("METHOD_NOT_ALLOWED", `${path} does not take ${method}.`, {
    hint: `It takes ${allow.join(", ")}.`,
  });
}
