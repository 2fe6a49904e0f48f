import { NAMED_BY_BODY } from "../../protocol/methods.ts";
import { splitModelName } from "./split-model-name.ts";

export type Target = { environment: string } | { deployment: string };

/** Where a request of a client goes. `path` is what the replica is asked for, with the query. */
export type InferenceRoute =
  | { kind: "named"; model: string; target: Target; path: string }
  /** The model's name is in the body. */
  | { kind: "by-body"; path: string };

const NAMED =
  /^\/models\/([^/]+)\/(?:(production|development)|environments\/([^/]+)|deployments\/([^/]+))\/(predict|websocket|sync(?:\/.*)?)$/;

/** Of the Open Inference Protocol, whose clients put the model's name into the path. */
const INFERENCE_PROTOCOL = /^\/v2\/models\/([^/]+)(?:\/.+)?$/;

/** KServe's and Truss's way of calling predict, which a host has beside its own routes of `/v1/models`. */
const PREDICT = /^\/v1\/models\/([^/:]+):(?:predict|predict_binary)$/;

/** The route of a request target, or null where it is none of inference. */
export function parseRoute(url: string): InferenceRoute | null {
  const mark = url.indexOf("?");
  const path = mark === -1 ? url : url.slice(0, mark);
  const query = mark === -1 ? "" : url.slice(mark);
  if (NAMED_BY_BODY.has(path)) return { kind: "by-body", path: url };
  try {
    return parseInferenceProtocol(path, url) ?? parseNamed(path, query);
  } catch {
    // Malformed percent signs name nothing.
    return null;
  }
}

/** A runtime takes any name of a model: the path is passed on as it is. */
function parseInferenceProtocol(path: string, url: string): InferenceRoute | null {
  const match = INFERENCE_PROTOCOL.exec(path) ?? PREDICT.exec(path);
  if (match === null) return null;
  const { model, environment } = splitModelName(decodeURIComponent(match[1] as string));
  return model === "" || environment === ""
    ? null
    : { kind: "named", model, target: { environment }, path: url };
}

function parseNamed(path: string, query: string): InferenceRoute | null {
  const match = NAMED.exec(path);
  if (match === null) return null;
  const [, model = "", fixed, environment, deployment, tail = ""] = match;
  return {
    kind: "named",
    model: decodeURIComponent(model),
    target:
      deployment === undefined
        ? { environment: fixed ?? decodeURIComponent(environment ?? "") }
        : { deployment: decodeURIComponent(deployment) },
    path: pathOf(tail) + query,
  };
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
