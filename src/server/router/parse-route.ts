export type Target = { environment: string } | { deployment: string };

/** Where a request of a client goes. `path` is what the replica is asked for, with the query. */
export type InferenceRoute =
  | { kind: "named"; model: string; target: Target; path: string }
  /** The model's name is in the body. */
  | { kind: "by-body"; path: string };

/** As the runtime offers them; each has its `model` in the body. */
const BY_BODY = new Set([
  "/v1/chat/completions",
  "/v1/completions",
  "/v1/embeddings",
  "/v1/messages",
  "/v1/responses",
]);

const NAMED =
  /^\/models\/([^/]+)\/(?:(production|development)|environments\/([^/]+)|deployments\/([^/]+))\/(predict|websocket|sync(?:\/.*)?)$/;

/** The route of a request target, or null where it is none of inference. */
export function parseRoute(url: string): InferenceRoute | null {
  const mark = url.indexOf("?");
  const path = mark === -1 ? url : url.slice(0, mark);
  const query = mark === -1 ? "" : url.slice(mark);
  if (BY_BODY.has(path)) return { kind: "by-body", path: url };
  const match = NAMED.exec(path);
  if (match === null) return null;
  const [, model = "", fixed, environment, deployment, tail = ""] = match;
  try {
    return {
      kind: "named",
      model: decodeURIComponent(model),
      target:
        deployment === undefined
          ? { environment: fixed ?? decodeURIComponent(environment ?? "") }
          : { deployment: decodeURIComponent(deployment) },
      path: pathOf(tail) + query,
    };
  } catch {
    // Malformed percent signs name nothing.
    return null;
  }
}

/** The same, for a request that wants to become a WebSocket: `predict` is that of models which speak it. */
export function parseUpgradeRoute(url: string): Extract<InferenceRoute, { kind: "named" }> | null {
  const route = parseRoute(url);
  if (route?.kind !== "named") return null;
  const path = route.path.replace(/^\/predict(?=\?|$)/, "/v1/websocket");
  return { ...route, path };
}

function pathOf(tail: string): string {
  if (tail === "websocket") return "/v1/websocket";
  if (tail === "predict") return "/predict";
  return tail.slice("sync".length) || "/";
}
