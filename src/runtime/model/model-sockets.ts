import type { FrameWriter } from "../channel/frame-writer.ts";
import { methodNumber } from "../../protocol/methods.ts";
import { STREAM_WINDOW_BYTES, ToFront } from "../channel/frames.ts";
import { readRequest } from "../channel/request-frame.ts";
import { Job } from "./job.ts";
import type { LoadedModel } from "./load-model.ts";
import { log } from "./log.ts";
import { requestScope } from "./request-scope.ts";
import { describeThrown } from "./user-error.ts";

const NORMAL = 1000;
const FAILED = 1011;

/** The WebSocket connections of a model process: one `socket` object and one call of `websocket` each. */
export class ModelSockets {
  static readonly METHOD = methodNumber("websocket");
  readonly #writer: FrameWriter;
  readonly #model: () => LoadedModel | null;
  readonly #open = new Map<number, Connection>();

  constructor(writer: FrameWriter, model: () => LoadedModel | null) {
    this.#writer = writer;
    this.#model = model;
  }

  open(id: number, payload: Buffer): void {
    const connection = new Connection(id, this.#writer, new Job(id, readRequest(payload)));
    this.#open.set(id, connection);
    void this.#run(connection).finally(() => this.#open.delete(id));
  }

  message(id: number, payload: Buffer): void {
    this.#inScope(id, (connection) => connection.receive(payload));
  }

  closed(id: number, payload: Buffer): void {
    const [code, reason] = [payload.readUInt16LE(0), payload.toString("utf8", 2)];
    this.#inScope(id, (connection) => connection.peerClosed(code, reason));
  }

  credit(id: number, bytes: number): void {
    this.#open.get(id)?.addCredit(bytes);
  }

  /** Listeners are user code at work for this connection. */
  #inScope(id: number, run: (connection: Connection) => void): void {
    const connection = this.#open.get(id);
    if (connection !== undefined) requestScope.run(connection.job.scope, run, connection);
  }

  async #run(connection: Connection): Promise<void> {
    const instance = this.#model()?.instance as { websocket(socket: unknown): unknown };
    const { trace } = connection.job;
    trace?.begin("websocket");
    try {
      await requestScope.run(connection.job.scope, async () => instance.websocket(connection.socket));
      trace?.end();
      connection.close(NORMAL, "");
    } catch (error) {
      trace?.end({ thrown: error });
      const { message, stack } = describeThrown(error);
      requestScope.run(connection.job.scope, () => log("error", message, { code: "MODEL_ERROR", stack }));
      connection.close(FAILED, "The model failed; its log has the reason.");
    }
    this.#writer.empty(ToFront.SETTLED, connection.id);
    this.#writer.flush();
  }
}

class Connection {
  readonly id: number;
  readonly job: Job;
  readonly socket: EventTarget;
  readonly #writer: FrameWriter;
  readonly #inbox: (string | Uint8Array)[] = [];
  #closed = false;
  #wakeReader: (() => void) | null = null;
  #credit = STREAM_WINDOW_BYTES;
  #wakeSenders: (() => void)[] = [];
  #owed = 0;

  constructor(id: number, writer: FrameWriter, job: Job) {
    this.id = id;
    this.#writer = writer;
    this.job = job;
    this.socket = this.#makeSocket();
  }

  receive(payload: Buffer): void {
    const text = payload[0] === 1;
    const data = text ? payload.toString("utf8", 1) : Uint8Array.from(payload.subarray(1));
    this.#owed += payload.byteLength;
    // Until somebody listens or reads, messages wait here and the front is not asked for more.
    if (this.#iterated || !this.#listening) this.#inbox.push(data);
    if (this.#listening) this.socket.dispatchEvent(new MessageEvent("message", { data }));
    if (this.#listening && !this.#iterated) this.#grant();
    this.#wakeReader?.();
  }

  peerClosed(code: number, reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.job.cancel(0);
    this.socket.dispatchEvent(Object.assign(new Event("close"), { code, reason }));
    this.#wakeReader?.();
    for (const wake of this.#wakeSenders.splice(0)) wake();
  }

  addCredit(bytes: number): void {
    this.#credit += bytes;
    if (this.#credit > 0) for (const wake of this.#wakeSenders.splice(0)) wake();
  }

  close(code: number, reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    const text = Buffer.from(reason).subarray(0, 123);
    const { buffer, offset } = this.#writer.frame(ToFront.WS_CLOSE, this.id, 2 + text.byteLength);
    buffer.writeUInt16LE(code, offset);
    buffer.set(text, offset + 2);
    this.#writer.flush();
    this.#wakeReader?.();
  }

  #iterated = false;
  #listening = false;

  #listen(): void {
    if (this.#listening) return;
    this.#listening = true;
    queueMicrotask(() => {
      if (this.#iterated) return;
      for (const data of this.#inbox.splice(0))
        this.socket.dispatchEvent(new MessageEvent("message", { data }));
      this.#grant();
    });
  }

  #makeSocket(): EventTarget {
    const socket = new EventTarget();
    const { addEventListener } = socket;
    return Object.assign(socket, {
      addEventListener: (...args: Parameters<EventTarget["addEventListener"]>) => {
        addEventListener.apply(socket, args);
        if (args[0] === "message") this.#listen();
      },
      request: this.job.request,
      signal: this.job.request.signal,
      send: (data: string | ArrayBufferLike | ArrayBufferView) => this.#send(data),
      close: (code = NORMAL, reason = "") => this.close(code, reason),
      [Symbol.asyncIterator]: () => this.#messages(),
    });
  }

  async *#messages(): AsyncGenerator<string | Uint8Array> {
    this.#iterated = true;
    for (;;) {
      const next = this.#inbox.shift();
      if (next !== undefined) {
        yield next;
        continue;
      }
      this.#grant();
      if (this.#closed) return;
      await new Promise<void>((resolve) => (this.#wakeReader = resolve));
      this.#wakeReader = null;
    }
  }

  /** Tells the front that what it sent has been taken, so that it reads on from the client. */
  #grant(): void {
    if (this.#owed === 0) return;
    this.#writer.u32(ToFront.CREDIT, this.id, this.#owed);
    this.#owed = 0;
    this.#writer.flush();
  }

  async #send(data: string | ArrayBufferLike | ArrayBufferView): Promise<void> {
    if (this.#closed) return;
    const text = typeof data === "string";
    const bytes = text ? Buffer.from(data) : viewBytes(data);
    const payload = Buffer.allocUnsafe(1 + bytes.byteLength);
    payload[0] = text ? 1 : 0;
    payload.set(bytes, 1);
    this.#writer.bytes(ToFront.WS_MESSAGE, this.id, payload);
    this.#writer.flush();
    this.#credit -= payload.byteLength;
    while (this.#credit <= 0 && !this.#closed) {
      await new Promise<void>((resolve) => this.#wakeSenders.push(resolve));
    }
  }
}

function viewBytes(data: ArrayBufferLike | ArrayBufferView): Uint8Array {
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return new Uint8Array(data);
}
