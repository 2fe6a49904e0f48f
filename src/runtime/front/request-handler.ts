import type { IncomingMessage, ServerResponse } from "node:http";
import { acceptedCodings } from "../../http/content-coding.ts";
import { isPredict, METHODS } from "../../protocol/methods.ts";
import { INLINE_BODY_BYTES } from "../channel/frames.ts";
import type { RequestHead } from "../channel/request-frame.ts";
import { bodyFormat } from "./body-format.ts";
import { BodyReader } from "./body-reader.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { Exchange } from "./exchange.ts";
import { Job } from "./job.ts";
import type { Poison } from "./poison.ts";
import type { ProcessPool } from "./process-pool.ts";
import { askedTimeout, deadlineOf } from "./request-deadline.ts";
import type { RequestDone } from "./request-done.ts";
import type { Route } from "./routes.ts";
import { sendError, type ErrorAnswer } from "./send-json.ts";
import { tracedHeaders, type Tracer } from "./tracer.ts";

/** After a refusal, what is still being sent is read and dropped this long, so that the answer arrives. */
const LINGER_MS = 1000;
/** A small body that is refused is read to its end, which keeps the connection; not for ever. */
const SMALL_BODY_MS = 10_000;

const TIMEOUT_TEXT = "x-request-timeout-ms must be a whole number of milliseconds, 1 or more.";
const POISON_TEXT =
  "The model process has ended each time it worked on this body; it is not tried again until the model changes.";

export interface ModelRoutesOptions {
  pool: ProcessPool;
  dispatcher: Dispatcher;
  poison: Poison;
  done: (record: RequestDone) => void;
  tracer: Tracer | null;
  bodyPaceMs: number;
}

export interface Call {
  req: IncomingMessage;
  res: ServerResponse;
  route: Route;
  requestId: string;
  headers: string[];
}

/** Takes requests for the model's methods: admission, body, dispatch. */
export class ModelRoutes {
  readonly #options: ModelRoutesOptions;
  /** Requests whose answer has not left yet, or whose body is still coming. */
  #open = 0;
  #onIdle: (() => void) | null = null;

  constructor(options: ModelRoutesOptions) {
    this.#options = options;
  }

  /** Resolves when every answer has been handed to its client. */
  whenIdle(): Promise<void> {
    if (this.#open === 0) return Promise.resolve();
    return new Promise((resolve) => (this.#onIdle = resolve));
  }

  readonly #closed = (record: RequestDone): void => {
    this.#options.done(record);
    this.#open -= 1;
    if (this.#open === 0) this.#onIdle?.();
  };

  handle(received: Call): void {
    const { pool, dispatcher, poison } = this.#options;
    const call = withRequestIdHeader(received);
    const { req, res, route, requestId, headers } = call;
    const config = pool.files.config.runtime;
    this.#open += 1;
    const trace = this.#options.tracer?.begin(req.headers) ?? null;
    const exchange = new Exchange({
      req,
      res,
      requestId,
      route: route.name,
      dispatcher,
      packs: config.compression,
      streamTimeoutMs: config.streaming_read_timeout_seconds * 1000,
      done: this.#closed,
      trace,
      headers,
    });
    const refuse = (answer: Omit<ErrorAnswer, "requestId">): void => {
      exchange.refused(answer.code);
      refuseRequest(call, answer);
    };
    const askedMs = askedTimeout(req.headers["x-request-timeout-ms"]);
    if (askedMs === null) return refuse({ code: "INVALID_REQUEST", error: TIMEOUT_TEXT });
    const info = pool.info;
    if (info === null || !pool.takesRequests) return refuse(notReady(pool));
    const method = METHODS[route.method] as string;
    if (!info.methods.includes(method) && !(isPredict(route.method) && info.batches)) {
      return refuse({ code: "METHOD_NOT_IMPLEMENTED", error: `The model has no ${method} method.` });
    }
    const raw = info.raw.includes(method);
    const format = bodyFormat(route.name, req.headers["content-type"], raw);
    if (format === null) {
      const error = `The model's ${method} takes raw bodies, not the tensors of ${route.name}: use /predict.`;
      return refuse({ code: "UNSUPPORTED_MEDIA_TYPE", error });
    }
    const usesSlot = isPredict(route.method) || config.openai_uses_slot;
    const overloaded = (): void => {
      const headers = { "retry-after": String(dispatcher.retryAfterSeconds) };
      refuse({ code: "OVERLOADED", error: "The queue is full.", headers });
    };
    const streamed = info.streams.includes(method);
    // A streamed body is read when its turn has come: until then it takes no room.
    const declared = streamed ? 0 : Number(req.headers["content-length"] ?? 0);
    if (usesSlot ? !dispatcher.hasRoom(declared) : !dispatcher.hasRoomAside) return overloaded();
    const prepares = isPredict(route.method) && info.methods.includes("preprocess");
    const head: RequestHead = {
      method: route.method,
      format,
      hasSlot: false,
      needsSlot: usesSlot,
      bodyFollows: false,
      bodyBytes: -1,
      deadline: deadlineOf(askedMs, config.predict_timeout_seconds),
      requestId,
      url: req.url as string,
      httpMethod: req.method as string,
      headers: tracedHeaders(req.rawHeaders, trace),
    };
    const jobOf = (init: { body: Buffer[]; bodyBytes: number; complete: boolean }): Job => {
      head.bodyBytes = init.bodyBytes;
      return new Job({
        head,
        responder: exchange,
        usesSlot,
        goesAhead: usesSlot && (prepares || (!init.complete && !streamed)),
        body: init.body,
        bodyBytes: streamed && !init.complete ? 0 : Math.max(0, init.bodyBytes),
        bodyComplete: init.complete,
      });
    };
    const submit = (job: Job): void => {
      exchange.job = job;
      dispatcher.submit(job);
    };
    const isPoison = (job: Job): boolean => {
      if (!poison.refuses(job)) return false;
      exchange.drop();
      refuse({ code: "POISON_REQUEST", error: POISON_TEXT });
      return true;
    };
    const reader = new BodyReader(
      req,
      { maxBytes: config.max_body_bytes, paceMs: this.#options.bodyPaceMs },
      {
        onWhole: (body) => {
          if (exchange.finished) return;
          const pieces = body === null ? [] : [body];
          const job = jobOf({ body: pieces, bodyBytes: body?.byteLength ?? 0, complete: true });
          if (!isPoison(job)) submit(job);
        },
        onLarge: (bytes) => {
          exchange.onSettled = () => reader.stop();
          exchange.onCredit = (credit) => reader.addCredit(credit);
          const job = jobOf({ body: [], bodyBytes: bytes, complete: false });
          if (!streamed) poison.watch(job);
          submit(job);
          return {
            piece: (piece) => {
              const goOn = dispatcher.body(job, piece);
              if (dispatcher.isOverfull(job)) {
                exchange.drop();
                overloaded();
              }
              return goOn;
            },
            end: () => {
              job.bodyComplete = true;
              if (!isPoison(job)) dispatcher.bodyEnd(job);
            },
            waitsForCredit: streamed,
          };
        },
        onTooLarge: () => {
          exchange.drop();
          refuse({
            code: "BODY_TOO_LARGE",
            error: `The body is larger than ${config.max_body_bytes} bytes.`,
          });
        },
        onTooSlow: () => {
          exchange.drop();
          refuse({ code: "REQUEST_TIMEOUT", error: "The body did not arrive in time." });
        },
        onUnsupported: (error) => {
          exchange.drop();
          const headers = { "accept-encoding": acceptedCodings() };
          refuse({ code: "UNSUPPORTED_MEDIA_TYPE", error, headers });
        },
        onBad: (error) => {
          exchange.drop();
          refuse({ code: "INVALID_REQUEST", error });
        },
      },
    );
    reader.start();
  }
}

/** Anthropic's clients look for the id under another name. */
function withRequestIdHeader(call: Call): Call {
  if (call.route.name !== "/v1/messages") return call;
  return { ...call, headers: [...call.headers, "request-id", call.requestId] };
}

/** An answer given without (or before) reading the body. */
export function refuseRequest(
  call: Pick<Call, "req" | "res" | "requestId" | "headers">,
  answer: Omit<ErrorAnswer, "requestId">,
): void {
  const { req, res, requestId } = call;
  if (res.headersSent) {
    res.destroy();
    return;
  }
  const unread = isLargeBody(req) || answer.code === "REQUEST_TIMEOUT";
  const headers: Record<string, string> = { ...answer.headers };
  for (let i = 0; i < call.headers.length; i += 2)
    headers[call.headers[i] as string] = call.headers[i + 1] as string;
  if (unread) headers["connection"] = "close";
  sendError(res, { ...answer, requestId, headers });
  req.resume();
  if (req.complete) return;
  const hangUp = setTimeout(() => req.socket.destroy(), unread ? LINGER_MS : SMALL_BODY_MS).unref();
  if (!unread) req.once("end", () => clearTimeout(hangUp));
}

/** Reading a small body costs less than a new connection does. */
function isLargeBody(req: IncomingMessage): boolean {
  if (req.complete) return false;
  return (
    req.headers["transfer-encoding"] !== undefined ||
    Number(req.headers["content-length"] ?? 0) > INLINE_BODY_BYTES
  );
}

export function notReady(pool: ProcessPool): Omit<ErrorAnswer, "requestId"> {
  if (pool.state === "failed") {
    return { code: "MODEL_LOAD_FAILED", error: `The model could not be loaded: ${pool.failure}` };
  }
  return { code: "MODEL_NOT_READY", error: "The model is not ready.", headers: { "retry-after": "1" } };
}
