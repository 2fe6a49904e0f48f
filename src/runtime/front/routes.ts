/** What a path means. `method` indexes METHODS of the channel for routes that call the model. */
export interface Route {
  /** Template, for metrics: never the raw path, which callers choose. */
  name: string;
  kind: "model" | "live" | "ready" | "loaded" | "schema" | "openapi" | "metrics" | "websocket";
  method: number;
}

const model = (name: string, method: number): Route => ({ name, kind: "model", method });
const other = (name: string, kind: Route["kind"]): Route => ({ name, kind, method: -1 });

const FIXED = new Map<string, Route>([
  ["/predict", model("/predict", 0)],
  ["/invocations", model("/invocations", 0)],
  ["/v1/chat/completions", model("/v1/chat/completions", 1)],
  ["/v1/completions", model("/v1/completions", 2)],
  ["/v1/embeddings", model("/v1/embeddings", 3)],
  ["/v1/messages", model("/v1/messages", 4)],
  ["/v1/responses", model("/v1/responses", 5)],
  ["/", other("/", "live")],
  ["/health/live", other("/health/live", "live")],
  ["/health/ready", other("/health/ready", "ready")],
  ["/ping", other("/ping", "ready")],
  ["/schema", other("/schema", "schema")],
  ["/openapi.json", other("/openapi.json", "openapi")],
  ["/metrics", other("/metrics", "metrics")],
  ["/v1/websocket", other("/v1/websocket", "websocket")],
]);

const PREDICT = model("/v1/models/{model}:predict", 0);
const NAMED = new Map<string, Route>([
  ["", other("/v1/models/{model}", "ready")],
  ["/loaded", other("/v1/models/{model}/loaded", "loaded")],
  ["/schema", other("/v1/models/{model}/schema", "schema")],
]);

/** The route of a request target, or null. Any model name will do: a runtime has one model. */
export function findRoute(target: string): Route | null {
  const query = target.indexOf("?");
  const path = query === -1 ? target : target.slice(0, query);
  const fixed = FIXED.get(path);
  if (fixed !== undefined) return fixed;
  const match = /^\/v1\/models\/([^/]+)(\/[a-z]+)?$/.exec(path);
  if (match === null) return null;
  const [, name = "", rest = ""] = match;
  if (rest === "" && name.endsWith(":predict") && name.length > ":predict".length) return PREDICT;
  return NAMED.get(rest) ?? null;
}
