import type { IncomingMessage, Server, ServerResponse, createServer } from "node:http";
import type { Socket } from "node:net";
import {
  OPEN_METRICS_TYPE,
  PROMETHEUS_TYPE,
  toOpenMetrics,
  wantsOpenMetrics,
} from "../../http/open-metrics.ts";
import type { WireErrorCode } from "../../protocol/error-codes.ts";
import { listedModel, modelPage } from "../../protocol/model-list.ts";
import { ToModel } from "../channel/frames.ts";
import { answerBadHttp } from "./answer-bad-http.ts";
import { corsHeaders, isPreflight } from "./cors.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { readiness } from "./health.ts";
import { modelMetadata, serverMetadata } from "./inference-protocol.ts";
import { TextPage, type Metrics } from "./metrics.ts";
import { describePackage, documentPlace, loadOpenApi } from "./load-openapi.ts";
import type { FrontOptions } from "./options.ts";
import { isNamed, namesFor, otherModel } from "./model-names.ts";
import type { Poison } from "./poison.ts";
import type { ProcessPool } from "./process-pool.ts";
import type { RequestDone } from "./request-done.ts";
import { ModelRoutes, notReady, refuseRequest, type Call } from "./request-handler.ts";
import { requestId } from "./request-id.ts";
import { findRoute, type Route } from "./routes.ts";
import { errorBody, familyOf, sendError, sendJson } from "./send-json.ts";
import type { UserMetrics } from "./user-metrics.ts";
import type { Tracer } from "./tracer.ts";
import { handleUpgrade } from "./websocket-bridge.ts";
import { writeAllMetrics } from "./write-all-metrics.ts";

/** Above the 60 s of the usual load balancers, so that the server is never the one that hangs up first. */
const KEEP_ALIVE_MS = 75_000;
const SHUTTING_DOWN = "The server is shutting down.";

export interface HttpServerOptions {
  /** node:http's, handed in: loading that module is for when the model process is on its way. */
  createServer: typeof createServer;
  pool: ProcessPool;
  dispatcher: Dispatcher;
  poison: Poison;
  metrics: Metrics;
  userMetrics: UserMetrics;
  done: (record: RequestDone) => void;
  /** null where no traces are asked for. */
  tracer: Tracer | null;
  limits: Pick<FrontOptions, "headersMs" | "bodyPaceMs">;
}

/** The HTTP side of a runtime: routes, health, metrics; the model's own routes go on to ModelRoutes. */
export class HttpServer {
  readonly server: Server;
  readonly #options: HttpServerOptions;
  readonly #model: ModelRoutes;
  /** What clients of OpenAI take for the time when the model was made. */
  readonly #began = new Date();
  #draining = false;

  constructor(options: HttpServerOptions) {
    this.#options = options;
    this.#model = new ModelRoutes({ ...options, bodyPaceMs: options.limits.bodyPaceMs });
    const { headersMs } = options.limits;
    this.server = options.createServer({
      keepAliveTimeout: KEEP_ALIVE_MS,
      headersTimeout: headersMs,
      // Bodies have limits of their own in BodyReader: a large upload may rightly take long.
      requestTimeout: 0,
      connectionsCheckingInterval: Math.min(2000, Math.ceil(headersMs / 4)),
      noDelay: true,
    });
    this.server.on("request", (req, res) => this.#handle(req, res));
    this.server.on("checkContinue", (req, res) => this.#checkContinue(req, res));
    this.server.on("checkExpectation", (req, res) => this.#handle(req, res));
    this.server.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) =>
      answerBadHttp(error, socket),
    );
    this.server.on("upgrade", (req, socket, head) => {
      const isWebSocketRoute = findRoute(req.url as string)?.kind === "websocket";
      const upgrade = {
        req,
        socket,
        head,
        requestId: requestId(req.headers["x-request-id"]),
        isWebSocketRoute,
      };
      void handleUpgrade(upgrade, { ...options, draining: this.#draining });
    });
  }

  /**
   * Not ready from now, and no new work is taken. The port stays open until the end: whoever asks for readiness
   * is told, and a late request is refused with words instead of a reset. Resolves when all answers have left.
   */
  drain(): Promise<void> {
    this.#draining = true;
    return this.#model.whenIdle();
  }

  #handle(req: IncomingMessage, res: ServerResponse): void {
    if (this.#draining) res.shouldKeepAlive = false;
    const id = requestId(req.headers["x-request-id"]);
    const { cors } = this.#options.pool.files.config.runtime;
    const headers = cors === null ? [] : corsHeaders(req, cors);
    const route = findRoute(req.url as string);
    const call = { req, res, requestId: id, headers };
    if (route === null) return this.#refuse(call, "NOT_FOUND", `There is no route ${req.method} ${req.url}.`);
    if (cors !== null && isPreflight(req)) {
      res.writeHead(204, [...headers, "x-request-id", id]).end();
      return;
    }
    if (route.kind === "model") {
      if (this.#draining) return this.#refuse(call, "SHUTTING_DOWN", SHUTTING_DOWN, { "retry-after": "1" });
      if (req.method === "POST") return this.#model.handle({ ...call, route });
      return this.#refuse(call, "METHOD_NOT_ALLOWED", `${route.name} takes POST.`, { allow: "POST" });
    }
    if (req.method !== "GET" && req.method !== "HEAD") {
      return this.#refuse(call, "METHOD_NOT_ALLOWED", `${route.name} takes GET.`, { allow: "GET, HEAD" });
    }
    this.#answer(call, route).catch(() => res.destroy());
  }

  #refuse(
    call: Omit<Call, "route">,
    code: WireErrorCode,
    error: string,
    headers: Record<string, string> = {},
  ): void {
    const { req, res, requestId: id } = call;
    res.on("close", () => this.#options.metrics.request("other", res.statusCode));
    refuseRequest({ req, res, requestId: id, headers: call.headers }, { code, error, headers });
  }

  async #answer(call: Omit<Call, "route">, route: Route): Promise<void> {
    const { res, requestId: id } = call;
    const { pool } = this.#options;
    const base = { "x-request-id": id, ...Object.fromEntries(pairs(call.headers)) };
    const json = (status: number, value: unknown, headers = {}): void =>
      sendJson(res, { status, headers: { ...base, ...headers }, body: JSON.stringify(value) });
    switch (route.kind) {
      case "live":
        return json(200, { status: "live", live: true, model: pool.files.manifest.model_name });
      case "models":
        return json(200, modelPage([listedModel(pool.files.manifest.model_name, this.#began)]));
      case "named":
      case "ready":
        return this.#answerReady(json, call, route);
      case "model-ready":
        if (!isNamed(call.req.url as string, pool)) return refuseRequest(call, otherModel(call, pool));
        return this.#answerReady(json, call, route);
      case "server-metadata":
        return json(200, serverMetadata(pool.files.manifest));
      case "loaded":
        if (pool.info !== null) return json(200, { status: "loaded" });
        return json(503, { ...bodyOf(notReady(pool)), request_id: id, state: pool.state });
      case "metrics":
        return this.#answerMetrics(call, base);
      case "schema":
      case "openapi":
      case "model-metadata":
        return this.#answerSchema(call, route, json);
      default:
        return sendError(res, {
          code: "UPGRADE_REQUIRED",
          error: "This route speaks WebSocket.",
          requestId: id,
          headers: { upgrade: "websocket", connection: "upgrade" },
        });
    }
  }

  async #answerReady(
    json: (status: number, value: unknown, headers?: object) => void,
    { req, requestId: id }: Omit<Call, "route">,
    route: Route,
  ): Promise<void> {
    const { pool } = this.#options;
    const { ready, state, reason } = await readiness(pool, this.#draining);
    const names = namesFor(req.url as string, { isListed: route.kind === "named", since: this.#began });
    const { model_name: model, package: digest } = pool.files.manifest;
    if (ready) return json(200, { ...names, status: "ready", ready, model, package: digest });
    const { code, error } = notReady(pool);
    const refusal = JSON.parse(errorBody(familyOf(req), { code, error, requestId: id })) as object;
    const retry = pool.state === "failed" ? {} : { "retry-after": "1" };
    const why = reason === undefined ? {} : { reason };
    json(503, { ...names, ...refusal, ready, state, ...why }, retry);
  }

  async #answerMetrics(
    { req, res }: Pick<Call, "req" | "res">,
    headers: Record<string, string>,
  ): Promise<void> {
    const page = new TextPage();
    await writeAllMetrics(page, this.#options);
    const isOpen = wantsOpenMetrics(req.headers.accept);
    const body = isOpen ? toOpenMetrics(page.text) : page.text;
    res.writeHead(200, {
      ...headers,
      "content-type": isOpen ? OPEN_METRICS_TYPE : PROMETHEUS_TYPE,
      "content-length": Buffer.byteLength(body),
      vary: [headers["vary"], "Accept"].filter(Boolean).join(", "),
    });
    res.end(body);
  }

  async #answerSchema(
    call: Omit<Call, "route">,
    route: Route,
    json: (status: number, value: unknown) => void,
  ): Promise<void> {
    const { pool } = this.#options;
    const [process] = pool.ready;
    if (process === undefined || pool.info === null) return refuseRequest(call, notReady(pool));
    const answer = pool.info.hasSchema ? await process.call(ToModel.SCHEMA, undefined) : null;
    if (route.kind === "model-metadata")
      return json(
        200,
        modelMetadata(call.req.url as string, answer === null ? null : JSON.parse(`${answer}`)),
      );
    const schema = answer === null ? null : JSON.parse(answer.toString());
    if (route.kind === "openapi") {
      const { openApi } = await loadOpenApi();
      return json(200, openApi({ ...describePackage(pool, schema), place: documentPlace(call.req.headers) }));
    }
    const none = { code: "NO_SCHEMA", error: "The model declares no schema." } as const;
    if (schema === null) return refuseRequest(call, none);
    json(200, schema);
  }

  /** A client that asks before it sends is told of the limit before it sends. */
  #checkContinue(req: IncomingMessage, res: ServerResponse): void {
    const limit = this.#options.pool.files.config.runtime.max_body_bytes;
    if (Number(req.headers["content-length"] ?? 0) <= limit) res.writeContinue();
    this.#handle(req, res);
  }
}

function bodyOf(answer: { code: string; error: string }): { error: string; code: string } {
  return { error: answer.error, code: answer.code };
}

function* pairs(flat: string[]): Generator<[string, string]> {
  for (let i = 0; i < flat.length; i += 2) yield [flat[i] as string, flat[i + 1] as string];
}
