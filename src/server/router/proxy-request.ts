import type { ClientRequest, IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { writePiece } from "../../protocol/write-piece.ts";
import { acquireLease } from "./acquire-lease.ts";
import { responseHeaders } from "./forward-headers.ts";
import type { HeldBody } from "./held-body.ts";
import { lost, wasNotSent } from "./replica-failure.ts";
import { drainRequest, sendHostError } from "./send-host-error.ts";
import type { Lease, Traffic } from "./traffic.ts";

export interface ProxyCall {
  req: IncomingMessage;
  res: ServerResponse;
  requestId: string;
  /** Asked again for each attempt: another deployment may serve by then. Throws HostError. */
  resolve(): Traffic;
  /** On the replica. */
  path: string;
  /** Raw, framing included. */
  headers: string[];
  body: HeldBody;
  /** Milliseconds of `performance.now()` until which it may look for a replica. */
  until: number;
}

/** A sender that asked to be told when to send, and was not told by the replica, is listened to after this. */
const CONTINUE_MS = 1000;
/** Copying so much costs less than a second write. */
const ONE_WRITE_BYTES = 16 * 1024;

/** Passes one request to a replica and its answer back, unchanged both ways, each at the pace of who takes it. */
export function proxyRequest(call: ProxyCall): void {
  void new Exchange(call).send();
}

class Exchange {
  readonly #call: ProxyCall;
  readonly #began = performance.now();
  #lease: Lease | null = null;
  #upstream: ClientRequest | null = null;
  #waiting: AbortController | null = null;
  #isPumping = false;
  #isAnswered = false;
  #isOver = false;

  constructor(call: ProxyCall) {
    this.#call = call;
    call.res.on("close", () => this.#clientClosed());
    if (call.res.destroyed) this.#isOver = true;
  }

  async send(): Promise<void> {
    if (this.#isOver) return;
    try {
      const lease = acquireLease(this.#call.resolve, {
        until: this.#call.until,
        signal: () => (this.#waiting ??= new AbortController()).signal,
      });
      // No turn of the event loop where a replica is there.
      this.#lease = lease instanceof Promise ? await lease : lease;
      if (this.#isOver) return this.#lease.end("cancelled");
      this.#sendTo(this.#lease);
    } catch (error) {
      this.#fail(error);
    }
  }

  #sendTo(lease: Lease): void {
    const { req, path, headers, body } = this.#call;
    const upstream = lease.client.request({ method: req.method as string, path, headers });
    this.#upstream = upstream;
    upstream.on("error", (error) => this.#upstreamFailed(error, lease));
    upstream.on("response", (answer) => this.#respond(answer, lease));
    upstream.on("information", ({ statusCode, headers: hints }) => this.#inform(statusCode, hints));
    if (body.isWhole) {
      // Of one piece with the head: one write.
      if (body.held.byteLength === 0) upstream.end();
      else upstream.end(body.held.toString("latin1"), "latin1");
      return;
    }
    upstream.on("continue", () => {
      this.#call.res.writeContinue();
      this.#pump(upstream);
    });
    const start = (): void => {
      if (req.headers.expect === undefined) this.#pump(upstream);
      else setTimeout(() => this.#pump(upstream), CONTINUE_MS).unref();
    };
    // Nothing of the body is used up by a connection that does not come about.
    upstream.on("socket", (socket: Socket) => {
      if (socket.connecting) socket.once("connect", start);
      else start();
    });
  }

  /** The rest of the body, at the replica's pace. */
  #pump(upstream: ClientRequest): void {
    if (this.#isPumping || this.#isOver || upstream !== this.#upstream) return;
    this.#isPumping = true;
    const { req, body } = this.#call;
    if (body.held.byteLength > 0) upstream.write(body.held);
    req.on("data", (chunk: Buffer) => {
      if (upstream.destroyed || this.#isOver || upstream.write(chunk)) return;
      req.pause();
      upstream.once("drain", () => req.resume());
    });
    const end = (): void => {
      if (upstream.destroyed) return;
      if (req.rawTrailers.length > 0) upstream.addTrailers(pairs(req.rawTrailers));
      upstream.end();
    };
    if (req.readableEnded) return end();
    req.on("end", end);
    req.resume();
  }

  #respond(answer: IncomingMessage, lease: Lease): void {
    const { req, res, requestId } = this.#call;
    this.#isAnswered = true;
    const ms = performance.now() - this.#began;
    const isHttp11 = req.httpVersionMinor > 0;
    answer.on("error", () => this.#cut(lease));
    try {
      const keepsTrailer = isHttp11 && answer.headers["transfer-encoding"] !== undefined;
      const headers = responseHeaders(answer, { requestId, keepsTrailer });
      res.writeHead(answer.statusCode as number, answer.statusMessage, headers);
    } catch {
      this.#isAnswered = false;
      this.#upstream?.destroy();
      lease.end("lost");
      return this.#fail(lost("gave an answer that cannot be passed on"));
    }
    let isFlushed = false;
    let isEnded = false;
    answer.on("data", (chunk: Buffer) => {
      isFlushed = true;
      const isLast = answer.complete && answer.readableLength === 0 && answer.rawTrailers.length === 0;
      if (isLast && !res.chunkedEncoding) {
        // The last of it: with the head in one write where that has not gone, which takes a string.
        isEnded = true;
        res.end(chunk.byteLength <= ONE_WRITE_BYTES ? chunk.toString("latin1") : chunk, "latin1");
      } else if (!(res.chunkedEncoding ? writePiece(res, chunk) : res.write(chunk))) {
        answer.pause();
        res.once("drain", () => answer.resume());
      }
    });
    answer.on("end", () => {
      if (!answer.complete) return this.#cut(lease);
      isFlushed = true;
      this.#isOver = true;
      if (answer.rawTrailers.length > 0 && isHttp11) res.addTrailers(pairs(answer.rawTrailers));
      if (!isEnded) res.end();
      lease.end({ status: answer.statusCode as number, ms });
      this.#finishRequest();
    });
    // A head whose body takes its time goes ahead; one that has come with it has been written by now.
    process.nextTick(() => {
      if (!isFlushed && !res.destroyed) res.flushHeaders();
    });
  }

  #inform(status: number, hints: IncomingMessage["headers"]): void {
    const { res } = this.#call;
    if (this.#isOver || res.headersSent) return;
    if (status === 102) res.writeProcessing();
    if (status === 103) res.writeEarlyHints(hints as Record<string, string | string[]>);
  }

  /** The answer came before the whole request was wanted: neither side waits for the rest. */
  #finishRequest(): void {
    if (this.#upstream?.writableFinished === false) this.#upstream.destroy();
    drainRequest(this.#call.req);
  }

  #upstreamFailed(error: NodeJS.ErrnoException, lease: Lease): void {
    if (this.#isOver || this.#isAnswered || lease !== this.#lease) return;
    if (!this.#isPumping && wasNotSent(error)) {
      lease.end("unreachable");
      void this.send();
      return;
    }
    lease.end("lost");
    const isHttp = error.code?.startsWith("HPE_") !== true;
    this.#fail(lost(isHttp ? "went away before it answered" : "gave an answer that is not HTTP"));
  }

  /** The replica's answer broke off: what the client got must not look whole. */
  #cut(lease: Lease): void {
    if (this.#isOver) return;
    this.#isOver = true;
    lease.end("lost");
    const { req, res } = this.#call;
    const isDelimitedByClose = req.httpVersionMinor === 0 && !res.hasHeader("content-length");
    if (isDelimitedByClose && !("encrypted" in req.socket)) req.socket.resetAndDestroy();
    else res.destroy();
  }

  #fail(error: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { req, res, requestId } = this.#call;
    sendHostError(req, res, { error, requestId });
  }

  #clientClosed(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#waiting?.abort();
    this.#lease?.end("cancelled");
    this.#upstream?.destroy();
  }
}

function pairs(flat: string[]): [string, string][] {
  return Array.from({ length: flat.length / 2 }, (_, i) => [
    flat[2 * i] as string,
    flat[2 * i + 1] as string,
  ]);
}
