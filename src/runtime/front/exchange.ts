import type { IncomingMessage, ServerResponse } from "node:http";
import { errorEvent } from "../../protocol/error-shape.ts";
import { WIRE_ERRORS, type WireErrorCode } from "../../protocol/error-codes.ts";
import { writePiece } from "../../protocol/write-piece.ts";
import { CancelReason, STREAM_WINDOW_BYTES } from "../channel/frames.ts";
import { CONTENT_TYPES, ContentType, type ResponseHead, type Timings } from "../channel/response-frame.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { Job, Responder } from "./job.ts";
import { beginPacked, isPackable, type PackedAnswer, respondPacked } from "./packed-answer.ts";
import { NO_TIMINGS, traceIdOfRequest, type RequestDone } from "./request-done.ts";
import { errorBody, familyOf, sendError } from "./send-json.ts";
import type { RequestTrace } from "./tracer.ts";

/** A client that takes nothing of its answer for this long is gone. */
const STALLED_CLIENT_MS = 60_000;
/** Of a stream that the model says nothing else of: no proxy is to hold it back or keep it. */
const UNBUFFERED = [
  ["cache-control", "no-store"],
  ["x-accel-buffering", "no"],
] as const;
/** What a client takes is told to the model in portions, since each one wakes its process. */
const CREDIT_BYTES = STREAM_WINDOW_BYTES / 4;

export interface ExchangeInit {
  req: IncomingMessage;
  res: ServerResponse;
  requestId: string;
  route: string;
  dispatcher: Dispatcher;
  streamTimeoutMs: number;
  done: (record: RequestDone) => void;
  trace: RequestTrace | null;
  /** Answers are packed for clients that take them so. */
  packs: boolean;
  /** Headers of every answer: CORS. */
  headers: string[];
}

/** The client's side of a request: writes what the model answers, notices when the client goes. */
export class Exchange implements Responder {
  readonly #init: ExchangeInit;
  readonly #res: ServerResponse;
  readonly #began = performance.now();
  job: Job | null = null;
  /** Takes up reading an upload that goes at the model's pace. */
  onCredit: ((bytes: number) => void) | null = null;
  /** The model wants no more of the body. */
  onSettled: (() => void) | null = null;
  #packed: PackedAnswer | null = null;
  #streaming = false;
  #sse = false;
  #code = "";
  #timings = NO_TIMINGS;
  #bytes = 0;
  /** Taken by the client and not told to the model yet. */
  #owed = 0;
  #stallWatched = false;
  #itemTimer: NodeJS.Timeout | null = null;
  #finished = false;

  constructor(init: ExchangeInit) {
    this.#init = init;
    this.#res = init.res;
    init.res.on("close", () => this.#closed());
  }

  get finished(): boolean {
    return this.#finished;
  }

  respond(head: ResponseHead, body: Buffer): void {
    const res = this.#res;
    this.#code = head.code;
    this.#timings = head.timings;
    this.#bytes = body.byteLength;
    const bodyless = head.status === 204 || head.status === 304;
    const headers = this.#headers(head, bodyless ? -1 : body.byteLength);
    if (this.#init.packs && isPackable(head.status, headers, body.byteLength)) {
      const accept = this.#init.req.headers["accept-encoding"];
      return respondPacked(res, { status: head.status, headers, body: Buffer.from(body), accept });
    }
    res.writeHead(head.status, headers);
    // One string for head and body is one write; latin1 keeps every byte as it is.
    if (body.byteLength === 0 || bodyless) res.end();
    else res.end(body.toString("latin1"), "latin1");
  }

  head(head: ResponseHead): void {
    this.#code = head.code;
    this.#streaming = head.bodyBytes < 0;
    this.#sse = head.contentType === ContentType.SSE;
    let headers = this.#headers(head, head.bodyBytes);
    if (this.#init.packs && isPackable(head.status, headers, head.bodyBytes)) {
      const accept = this.#init.req.headers["accept-encoding"];
      const flow = { flushes: this.#streaming, onFull: () => this.#watchStall() };
      ({ headers, packed: this.#packed } = beginPacked(this.#res, { headers, accept }, flow));
    }
    this.#res.writeHead(head.status, headers);
    // The head leaves with the first bytes of the body, which have come with it.
    if (this.#streaming) this.#armItemTimer();
  }

  data(bytes: Buffer, item: boolean): void {
    const res = this.#res;
    if (res.destroyed) return;
    const size = bytes.byteLength;
    this.#bytes += size;
    const taken = item ? () => this.#taken(Math.max(1, size)) : undefined;
    if (size === 0) taken?.();
    else if (this.#packed === null) writePiece(res, bytes, taken);
    else this.#packed.write(bytes, taken);
    if (item) this.#armItemTimer();
    this.#watchStall();
  }

  end(timings: Timings): void {
    this.#timings = timings;
    this.#clearItemTimer();
    (this.#packed ?? this.#res).end();
  }

  fail(code: WireErrorCode, message: string): void {
    this.#clearItemTimer();
    const res = this.#res;
    const { requestId } = this.#init;
    this.#code = code;
    if (!res.headersSent) {
      const headers: Record<string, string> = code === "MODEL_CRASHED" ? { "retry-after": "1" } : {};
      for (let i = 0; i < this.#init.headers.length; i += 2) {
        headers[this.#init.headers[i] as string] = this.#init.headers[i + 1] as string;
      }
      sendError(res, { code, error: message, requestId, headers });
    } else if (this.#sse) {
      const family = familyOf(this.#init.req);
      (this.#packed ?? res).end(errorEvent(family, errorBody(family, { code, error: message, requestId })));
    } else {
      // What was sent arrives, the end of the answer does not: the client cannot take it for the whole.
      if (this.#packed === null) res.socket?.destroySoon();
      else this.#packed.cut();
    }
  }

  credit(bytes: number): void {
    this.onCredit?.(bytes);
  }

  settled(): void {
    this.onSettled?.();
  }

  /** The answer is not the model's; the log is to say which one it was. */
  refused(code: WireErrorCode): void {
    if (!this.#res.headersSent) this.#code = code;
  }

  /** The request is refused half-way: what the model has of it is void. */
  drop(): void {
    if (this.job !== null) this.#init.dispatcher.cancel(this.job, CancelReason.CLIENT_GONE);
  }

  /** Node hangs up on a connection whose time is over; once the client has taken everything, no time runs. */
  #watchStall(): void {
    const res = this.#res;
    if (this.#stallWatched || !res.writableNeedDrain) return;
    this.#stallWatched = true;
    res.setTimeout(STALLED_CLIENT_MS);
    res.once("drain", () => {
      this.#stallWatched = false;
      res.setTimeout(0);
    });
  }

  #taken(bytes: number): void {
    const { job } = this;
    if (job === null || job.answered || job.cancelled) return;
    this.#owed += bytes;
    if (this.#owed < CREDIT_BYTES) return;
    this.#init.dispatcher.credit(job, this.#owed);
    this.#owed = 0;
  }

  #headers(head: ResponseHead, bodyBytes: number): string[] {
    const headers = [...this.#init.headers];
    if (head.contentType !== ContentType.HEADERS)
      headers.push("content-type", CONTENT_TYPES[head.contentType] as string);
    const own = new Set<string>();
    for (let i = 0; i < head.headers.length; i += 2) {
      const name = (head.headers[i] as string).toLowerCase();
      own.add(name);
      headers.push(name, head.headers[i + 1] as string);
    }
    if (bodyBytes >= 0 && !own.has("content-length")) headers.push("content-length", String(bodyBytes));
    if (!own.has("x-request-id")) headers.push("x-request-id", this.#init.requestId);
    for (const [name, value] of this.#streaming ? UNBUFFERED : [])
      if (!own.has(name)) headers.push(name, value);
    return headers;
  }

  /** The longest wait for the next item; while the client reads nothing, nothing is expected of the model. */
  #armItemTimer(): void {
    if (!this.#streaming) return;
    if (this.#itemTimer !== null) {
      this.#itemTimer.refresh();
      return;
    }
    this.#itemTimer = setTimeout(() => {
      this.#itemTimer = null;
      if (this.#finished || this.job === null) return;
      if (this.#res.writableNeedDrain) return this.#armItemTimer();
      this.fail("DEADLINE_EXCEEDED", "The model did not go on with its stream in time.");
      this.#init.dispatcher.cancel(this.job, CancelReason.DEADLINE);
    }, this.#init.streamTimeoutMs);
  }

  #clearItemTimer(): void {
    if (this.#itemTimer !== null) clearTimeout(this.#itemTimer);
    this.#itemTimer = null;
  }

  /** After a whole answer, or because the client has gone. */
  #closed(): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#clearItemTimer();
    const { job } = this;
    const complete = this.#res.writableFinished;
    if (!complete && job !== null && !job.answered)
      this.#init.dispatcher.cancel(job, CancelReason.CLIENT_GONE);
    const status = complete || this.#code !== "" ? this.#res.statusCode : WIRE_ERRORS.CANCELLED;
    this.#init.done({
      id: this.#init.requestId,
      route: this.#init.route,
      method: this.#init.req.method ?? "",
      path: this.#init.req.url ?? "",
      status,
      code: complete || this.#code !== "" ? this.#code : "CANCELLED",
      ms: performance.now() - this.#began,
      queueMs:
        job === null || job.granted === 0
          ? 0
          : Math.max(0, job.granted - job.arrived - this.#timings.preprocess),
      granted: job?.granted ?? 0,
      worker: job?.process?.worker ?? 0,
      bytes: this.#bytes,
      traceId: traceIdOfRequest(this.#init.trace, this.#init.req.headers),
      trace: this.#init.trace,
    });
  }
}
