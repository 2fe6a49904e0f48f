import type { ClientRequest, IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { acquireLease } from "./acquire-lease.ts";
import { lost, wasNotSent } from "./replica-failure.ts";
import { refuseUpgrade } from "./send-host-error.ts";
import type { Lease, Traffic } from "./traffic.ts";

export interface UpgradeCall {
  req: IncomingMessage;
  socket: Duplex;
  /** What came behind the request's head. */
  head: Buffer;
  requestId: string;
  /** As of ProxyCall. */
  resolve(): Traffic;
  path: string;
  /** Raw; Connection and Upgrade are added. */
  headers: string[];
  until: number;
}

/** A refusal of the replica is passed on up to this size. */
const REFUSAL_BYTES = 1024 * 1024;

/** Joins the client's connection and one to a replica; from then on bytes go both ways as they are. */
export function proxyUpgrade(call: UpgradeCall): void {
  void new Tunnel(call).open();
}

class Tunnel {
  readonly #call: UpgradeCall;
  readonly #began = performance.now();
  readonly #waiting = new AbortController();
  #upstream: ClientRequest | null = null;
  #lease: Lease | null = null;
  #isOver = false;

  constructor(call: UpgradeCall) {
    this.#call = call;
    call.socket.on("error", () => undefined);
    call.socket.on("close", () => this.#clientClosed());
  }

  async open(): Promise<void> {
    try {
      const { resolve, until } = this.#call;
      this.#lease = await acquireLease(resolve, { until, signal: () => this.#waiting.signal });
      if (this.#isOver) return this.#lease.end("cancelled");
      this.#sendTo(this.#lease);
    } catch (error) {
      this.#refuse(error);
    }
  }

  #sendTo(lease: Lease): void {
    const { req, path, headers } = this.#call;
    const upgrade = ["Connection", "Upgrade", "Upgrade", req.headers.upgrade as string];
    const upstream = lease.client.request({ method: "GET", path, headers: [...headers, ...upgrade] });
    this.#upstream = upstream;
    upstream.on("upgrade", (answer, socket, head) => this.#join(answer, socket as Socket, head));
    upstream.on("response", (answer) => this.#passRefusal(answer, lease));
    upstream.on("error", (error) => {
      if (this.#isOver) return;
      if (wasNotSent(error)) {
        lease.end("unreachable");
        void this.open();
        return;
      }
      lease.end("lost");
      this.#refuse(lost("went away before it answered"));
    });
    upstream.end();
  }

  #join(answer: IncomingMessage, upstream: Socket, head: Buffer): void {
    const { socket } = this.#call;
    const ms = performance.now() - this.#began;
    const lease = this.#lease as Lease;
    let failed = false;
    upstream.setTimeout(0);
    upstream.setNoDelay(true);
    (socket as Socket).setTimeout?.(0);
    (socket as Socket).setNoDelay?.(true);
    upstream.on("error", () => (failed = true));
    upstream.on("close", () => {
      lease.end(failed ? "lost" : { status: 101, ms });
      // What was received before is still to be written.
      if (failed) socket.destroy();
      else socket.end();
    });
    socket.on("close", () => upstream.destroy());
    socket.write(headOf(answer, this.#call.requestId), "latin1");
    if (head.byteLength > 0) socket.write(head);
    if (this.#call.head.byteLength > 0) upstream.write(this.#call.head);
    this.#isOver = true;
    socket.pipe(upstream);
    upstream.pipe(socket);
    if (socket.destroyed) upstream.destroy();
  }

  /** The replica says no, in its own words. */
  #passRefusal(answer: IncomingMessage, lease: Lease): void {
    const { socket, requestId } = this.#call;
    const ms = performance.now() - this.#began;
    const chunks: Buffer[] = [];
    let bytes = 0;
    answer.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      bytes += chunk.byteLength;
      if (bytes > REFUSAL_BYTES) answer.destroy(new Error("too large"));
    });
    answer.on("error", () => {
      if (this.#isOver) return;
      lease.end("lost");
      this.#refuse(lost("broke off its answer"));
    });
    answer.on("end", () => {
      if (this.#isOver || !answer.complete) return;
      this.#isOver = true;
      lease.end({ status: answer.statusCode as number, ms });
      const framed = headOf(answer, requestId, ["Content-Length", String(bytes), "Connection", "close"]);
      socket.write(framed, "latin1");
      socket.end(Buffer.concat(chunks));
    });
  }

  #refuse(error: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    refuseUpgrade(this.#call.socket, { error, requestId: this.#call.requestId });
  }

  #clientClosed(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#waiting.abort();
    this.#lease?.end("cancelled");
    this.#upstream?.destroy();
  }
}

/** The answer's head as it came; with `framing`, that of its body and connection is put in place of its own. */
function headOf(answer: IncomingMessage, requestId: string, framing?: string[]): string {
  const { rawHeaders, headers } = answer;
  const lines = [`HTTP/1.1 ${answer.statusCode} ${answer.statusMessage}`];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string;
    if (framing && /^(connection|keep-alive|transfer-encoding|content-length|trailer)$/i.test(name)) continue;
    lines.push(`${name}: ${rawHeaders[i + 1]}`);
  }
  const own = framing ?? [];
  for (let i = 0; i < own.length; i += 2) lines.push(`${own[i]}: ${own[i + 1]}`);
  if (headers["x-request-id"] === undefined) lines.push(`x-request-id: ${requestId}`);
  return `${lines.join("\r\n")}\r\n\r\n`;
}
