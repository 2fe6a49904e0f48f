import type { ReceivedRequest } from "../channel/request-frame.ts";
import type { Inference } from "./formats/wire-format.ts";

/**
 * The `request` of a model's methods: web-standard in what it offers, but its body can be read as often as
 * wanted, and nothing of it is made before it is looked at.
 */
export class ModelRequest {
  readonly #head: ReceivedRequest;
  #body: Uint8Array;
  #stream: ReadableStream<Uint8Array> | null = null;
  #headers: Headers | undefined;
  #controller: AbortController | undefined;
  #abortReason: unknown;
  #inference: Inference | undefined;
  #aborted = false;

  constructor(head: ReceivedRequest) {
    this.#head = head;
    this.#body = head.body;
  }

  get method(): string {
    return this.#head.httpMethod;
  }

  get url(): string {
    const host = this.headers.get("host") ?? "localhost";
    return URL.canParse(this.#head.url) ? this.#head.url : `http://${host}${this.#head.url}`;
  }

  get headers(): Headers {
    if (this.#headers === undefined) {
      this.#headers = new Headers();
      const pairs = this.#head.headers.length === 0 ? [] : this.#head.headers.split("\n");
      for (let i = 0; i + 1 < pairs.length; i += 2)
        this.#headers.append(pairs[i] as string, pairs[i + 1] as string);
    }
    return this.#headers;
  }

  /** Aborts when the client has gone or the request is out of time. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#aborted) this.#controller.abort(this.#abortReason);
    }
    return this.#controller.signal;
  }

  get bodyUsed(): boolean {
    return false;
  }

  /** What a request of the Open Inference Protocol says beside its tensors; undefined for any other. */
  get inference(): Inference | undefined {
    return this.#inference;
  }

  get body(): ReadableStream<Uint8Array> | null {
    if (this.#stream !== null) return this.#stream;
    if (this.#body.byteLength === 0) return null;
    const bytes = this.#body;
    return new ReadableStream({
      start(controller) {
        controller.enqueue(bytes);
        controller.close();
      },
    });
  }

  async text(): Promise<string> {
    return new TextDecoder().decode(await this.bytes());
  }

  async json(): Promise<unknown> {
    return JSON.parse(await this.text());
  }

  async bytes(): Promise<Uint8Array> {
    if (this.#stream !== null) await this.#gather(this.#stream);
    return this.#body;
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    const bytes = await this.bytes();
    return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
  }

  async blob(): Promise<Blob> {
    return new Blob([await this.arrayBuffer()], { type: this.headers.get("content-type") ?? "" });
  }

  async formData(): Promise<FormData> {
    return new Response(await this.arrayBuffer(), { headers: this.headers }).formData();
  }

  /** A real Request, for libraries that insist on one; its body can be read once. */
  clone(): Request {
    const hasBody = this.method !== "GET" && this.method !== "HEAD";
    return new Request(this.url, {
      method: this.method,
      headers: this.headers,
      signal: this.signal,
      ...(hasBody ? { body: this.#body as Uint8Array<ArrayBuffer> } : {}),
    });
  }

  get [Symbol.toStringTag](): string {
    return "Request";
  }

  /** For the runtime: the client has gone or time is up. */
  static abort(request: ModelRequest, reason: Error): void {
    if (request.#aborted) return;
    request.#aborted = true;
    request.#abortReason = reason;
    request.#controller?.abort(reason);
  }

  static setInference(request: ModelRequest, inference: Inference): void {
    request.#inference = inference;
  }

  /** For the runtime: the whole body has come. */
  static setBody(request: ModelRequest, body: Uint8Array): void {
    request.#body = body;
  }

  /** For the runtime: the body is handed to user code while it arrives. */
  static setStream(request: ModelRequest, stream: ReadableStream<Uint8Array>): void {
    request.#stream = stream;
  }

  async #gather(stream: ReadableStream<Uint8Array>): Promise<void> {
    const pieces: Uint8Array[] = [];
    for await (const piece of stream as unknown as AsyncIterable<Uint8Array>) pieces.push(piece);
    this.#body = Buffer.concat(pieces);
    this.#stream = null;
  }
}
