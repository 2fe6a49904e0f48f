import { CALLABLE_METHODS, type CallableMethod, methodNumber } from "../../protocol/methods.ts";

/** What a path means. `method` indexes METHODS for routes that call the model. */
export interface Route {
  /** Template, for metrics: never the raw path, which callers choose. */
  name: string;
  kind:
    | "model"
    | "live"
    | "ready"
    | "loaded"
    | "schema"
    | "openapi"
    | "metrics"
    | "websocket"
    | "models"
    | "named"
    | "server-metadata"
    | "model-ready"
    | "model-metadata";
  method: number;
}

const model = (name: string, method: CallableMethod): Route => ({
  name,
  kind: "model",
  method: methodNumber(method),
});
const other = (name: string, kind: Route["kind"]): Route => ({ name, kind, method: -1 });

const FIXED = new Map<string, Route>([
  ...CALLABLE_METHODS.flatMap(({ name, paths }) =>
    paths.map((path): [string, Route] => [path, model(path, name)]),
  ),
  ["/", other("/", "live")],
  ["/health/live", other("/health/live", "live")],
  ["/health/ready", other("/health/ready", "ready")],
  ["/ping", other("/ping", "ready")],
  ["/schema", other("/schema", "schema")],
  ["/openapi.json", other("/openapi.json", "openapi")],
  ["/metrics", other("/metrics", "metrics")],
  ["/v1/websocket", other("/v1/websocket", "websocket")],
  ["/v1/models", other("/v1/models", "models")],
  ["/v2", other("/v2", "server-metadata")],
  ["/v2/health/live", other("/v2/health/live", "live")],
  ["/v2/health/ready", other("/v2/health/ready", "ready")],
]);

const PREDICT = model("/v1/models/{model}:predict", "predict");
/** How Truss calls the same for msgpack. */
const PREDICT_BINARY = model("/v1/models/{model}:predict_binary", "predict");
const NAMED = new Map<string, Route>([
  ["", other("/v1/models/{model}", "named")],
  ["/loaded", other("/v1/models/{model}/loaded", "loaded")],
  ["/schema", other("/v1/models/{model}/schema", "schema")],
]);

const V2 = "/v2/models/{model}";
const V2_VERSION = `${V2}/versions/{version}`;
/** Of the Open Inference Protocol, with a version or without. */
const V2_MODEL = new Map<string, Route>(
  [V2, V2_VERSION].flatMap((base) => [
    [base, other(base, "model-metadata")],
    [`${base}/ready`, other(`${base}/ready`, "model-ready")],
    [`${base}/infer`, model(`${base}/infer`, "predict")],
  ]),
);
/** Those whose bodies are tensors. */
export const INFER_ROUTES: ReadonlySet<string> = new Set([`${V2}/infer`, `${V2_VERSION}/infer`]);

/** Its bodies are msgpack unless they say that they are something else. */
export const BINARY_ROUTE = PREDICT_BINARY.name;

/** The route of a request target, or null. Any model name will do: a runtime has one model. */
export function findRoute(target: string): Route | null {
  const query = target.indexOf("?");
  const path = query === -1 ? target : target.slice(0, query);
  const fixed = FIXED.get(path);
  if (fixed !== undefined) return fixed;
  if (path.startsWith("/v2/")) return findV2Route(path);
  const match = /^\/v1\/models\/([^/]+)(\/[a-z]+)?$/.exec(path);
  if (match === null) return null;
  const [, name = "", rest = ""] = match;
  const verb = /.:(predict|predict_binary)$/.exec(name)?.[1];
  if (rest === "" && verb !== undefined) return verb === "predict" ? PREDICT : PREDICT_BINARY;
  return NAMED.get(rest) ?? null;
}

function findV2Route(path: string): Route | null {
  const match = /^\/v2\/models\/[^/]+(\/versions\/[^/]+)?(\/ready|\/infer)?$/.exec(path);
  if (match === null) return null;
  const [, version, rest = ""] = match;
  return V2_MODEL.get(`${version === undefined ? V2 : V2_VERSION}${rest}`) ?? null;
}
