import type { RawData, WebSocket } from "ws";
import { WebSocketServer } from "ws";
import type { WireErrorCode } from "../../protocol/error-codes.ts";
import type { RuntimeConfig } from "../../protocol/config.ts";
import { BodyFormat } from "../channel/body-format.ts";
import { CancelReason, STREAM_WINDOW_BYTES, ToModel } from "../channel/frames.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { Job, type Responder } from "./job.ts";
import { traceIdOfRequest } from "./request-done.ts";
import { tracedHeaders } from "./tracer.ts";
import type { Upgrade, UpgradeOptions } from "./websocket-bridge.ts";
import { startPings, type Pings } from "./websocket-pings.ts";

const MAX_MESSAGE_BYTES = 100 * 1024 * 1024;
const NOT_IMPLEMENTED = 1003;
const FAILED = 1011;
const GOING_AWAY = 1001;
/** Normal, going away, and none given. */
const FAREWELLS = new Set([1000, GOING_AWAY, 1005]);

/** `maxPayload` bounds what a packed message unpacks to as well; small messages are sent as they are. */
const OPTIONS = { noServer: true, maxPayload: MAX_MESSAGE_BYTES };
const plainServer = new WebSocketServer({ ...OPTIONS, perMessageDeflate: false });
let packingServer: WebSocketServer | null = null;

/** Without a memory of earlier messages, an idle connection holds no tables. */
function serverFor({ transport }: RuntimeConfig): WebSocketServer {
  if (transport.kind !== "websocket" || !transport.permessage_deflate) return plainServer;
  const perMessageDeflate = {
    threshold: 1024,
    serverNoContextTakeover: true,
    clientNoContextTakeover: true,
    concurrencyLimit: 4,
  };
  return (packingServer ??= new WebSocketServer({ ...OPTIONS, perMessageDeflate }));
}

/** Takes a WebSocket connection and joins it to a call of the model's `websocket`. */
export function acceptWebSocket(upgrade: Upgrade, options: UpgradeOptions, method: number): void {
  const server = serverFor(options.pool.files.config.runtime);
  server.handleUpgrade(upgrade.req, upgrade.socket, upgrade.head, (client) => {
    if (options.pool.info?.methods.includes("websocket") !== true) {
      client.close(NOT_IMPLEMENTED, "WebSocket is not implemented by this model.");
      return;
    }
    // It lives by the events of the two sockets.
    // oxlint-disable-next-line no-new
    new Connection(client, upgrade, { options, method });
  });
}

class Connection implements Responder {
  readonly #client: WebSocket;
  readonly #dispatcher: Dispatcher;
  readonly #job: Job;
  #pings: Pings | null = null;
  /** What the client has sent while no model process has the connection: no more than the window. */
  #held: Buffer[] = [];
  /** Bytes that the model may still be sent before it must have taken some. */
  #window = STREAM_WINDOW_BYTES;

  constructor(client: WebSocket, upgrade: Upgrade, init: { options: UpgradeOptions; method: number }) {
    this.#client = client;
    this.#dispatcher = init.options.dispatcher;
    const { req, requestId } = upgrade;
    const began = performance.now();
    const trace = init.options.tracer?.begin(req.headers) ?? null;
    this.#job = new Job({
      head: {
        method: init.method,
        format: BodyFormat.PLAIN,
        hasSlot: false,
        needsSlot: false,
        bodyFollows: false,
        bodyBytes: 0,
        deadline: 0,
        requestId,
        url: req.url as string,
        httpMethod: req.method as string,
        headers: tracedHeaders(req.rawHeaders, trace),
      },
      responder: this,
      usesSlot: false,
      goesAhead: false,
      body: [],
      bodyBytes: 0,
      bodyComplete: true,
    });
    client.on("message", (data, isBinary) => this.#fromClient(data, isBinary));
    client.on("error", () => undefined);
    client.on("close", (code, reason) => {
      this.#pings?.stop();
      this.#clientClosed(code, reason);
      init.options.done({
        id: requestId,
        route: "/v1/websocket",
        method: "GET",
        path: req.url as string,
        status: 101,
        code: code === FAILED ? "MODEL_ERROR" : "",
        ms: performance.now() - began,
        queueMs: 0,
        bytes: 0,
        granted: 0,
        worker: this.#job.process?.worker ?? 0,
        traceId: traceIdOfRequest(trace, req.headers),
        trace,
      });
    });
    this.#dispatcher.submit(this.#job);
    const { transport } = init.options.pool.files.config.runtime;
    if (transport.kind === "websocket" && transport.ping_interval_seconds !== null) {
      this.#pings = startPings(client, transport.ping_interval_seconds, transport.ping_timeout_seconds);
    }
  }

  respond(): void {}
  head(): void {}
  data(): void {}
  end(): void {}

  fail(_code: WireErrorCode, message: string): void {
    this.#client.close(FAILED, message.slice(0, 120));
  }

  sent(): void {
    for (const payload of this.#held.splice(0)) this.#toModel(payload);
  }

  settled(): void {
    this.#job.answered = true;
  }

  /** The model has taken messages: read on from the client. */
  credit(bytes: number): void {
    this.#window += bytes;
    if (this.#window > 0) this.#client.resume();
  }

  message(payload: Buffer): void {
    const bytes = payload.byteLength;
    // The payload's buffer is used again after this call.
    const data = Buffer.from(payload.subarray(1));
    this.#client.send(data, { binary: payload[0] === 0 }, () => {
      if (this.#job.process !== null && !this.#job.answered) this.#dispatcher.credit(this.#job, bytes);
    });
  }

  closed(payload: Buffer): void {
    const code = payload.readUInt16LE(0);
    this.#client.close(validCode(code), wholeCharacters(payload.subarray(2)));
  }

  #fromClient(data: RawData, isBinary: boolean): void {
    if (this.#job.answered || this.#job.cancelled) return;
    const bytes = Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data as Buffer);
    const payload = Buffer.allocUnsafe(1 + bytes.byteLength);
    payload[0] = isBinary ? 0 : 1;
    bytes.copy(payload, 1);
    if (this.#job.process === null) this.#held.push(payload);
    else this.#toModel(payload);
    this.#window -= payload.byteLength;
    if (this.#window <= 0) this.#client.pause();
  }

  #toModel(payload: Buffer): void {
    const { process } = this.#job;
    if (process === null) return;
    process.writer.bytes(ToModel.WS_MESSAGE, this.#job.id, payload);
    process.writer.autoFlush();
  }

  #clientClosed(code: number, reason: Buffer): void {
    const { process } = this.#job;
    const reasonToCancel = FAREWELLS.has(code) ? CancelReason.CLOSED : CancelReason.CLIENT_GONE;
    this.#held = [];
    if (process === null) return this.#dispatcher.cancel(this.#job, reasonToCancel);
    if (process.state === "dead" || this.#job.answered) return;
    const { buffer, offset } = process.writer.frame(ToModel.WS_CLOSE, this.#job.id, 2 + reason.byteLength);
    buffer.writeUInt16LE(code, offset);
    buffer.set(reason, offset + 2);
    process.writer.flush();
    this.#dispatcher.cancel(this.#job, reasonToCancel);
  }
}

/** A reason that was cut to fit may end within a character, which would be written out longer than it was. */
function wholeCharacters(reason: Buffer): string {
  return new TextDecoder().decode(reason, { stream: true });
}

/** Codes that may not be sent in a close frame are turned into the nearest that may. */
function validCode(code: number): number {
  if ((code >= 3000 && code <= 4999) || (code >= 1000 && code <= 1014 && ![1004, 1005, 1006].includes(code)))
    return code;
  return code < 1000 ? 1000 : GOING_AWAY;
}
