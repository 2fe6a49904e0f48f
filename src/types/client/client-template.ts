/**
 * The part of a generated client that is the same for every model; `purlin types --client ts` puts the model's own
 * types and methods after it. It needs `fetch` and nothing else: Node 20, browsers, workers.
 */

export interface ClientOptions {
  /** Where the model is: http://127.0.0.1:8080, or the address of a deployment. */
  url: string;
  apiKey?: string;
  /** Sent with every request. */
  headers?: Record<string, string>;
  /** How often a 503 that says `Retry-After` is tried again; 2. */
  retries?: number;
  /** An answer that asks for a longer wait is not waited for; 30. */
  maxRetryAfterSeconds?: number;
  /** The one of the platform. */
  fetch?: typeof fetch;
}

export interface CallOptions {
  /** Aborting it cancels the call, on the server as well. */
  signal?: AbortSignal;
  /** After so long, tries included, the call fails with DEADLINE_EXCEEDED; the server knows of it. */
  timeoutMs?: number;
  /** Stands on each line that the server logs of the request; made by the server without it. */
  requestId?: string;
  headers?: Record<string, string>;
}

/** The model, or its server, answered with an error. */
export class ModelError extends Error {
  override readonly name = "ModelError";
  /** A stable word: INVALID_INPUT, OVERLOADED, ...; UNREACHABLE and INCOMPLETE_ANSWER are the client's own. */
  readonly code: string;
  /** Of HTTP; 0 where there was no answer. */
  readonly status: number;
  readonly requestId: string | null;
  /** With INVALID_INPUT: `{path, message}` of every place that breaks the schema. */
  readonly details: unknown;
  readonly retryAfterSeconds: number | null;

  constructor(
    message: string,
    facts: {
      code: string;
      status?: number;
      requestId?: string | null;
      details?: unknown;
      retryAfterSeconds?: number | null;
      cause?: unknown;
    },
  ) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.code = facts.code;
    this.status = facts.status ?? 0;
    this.requestId = facts.requestId ?? null;
    this.details = facts.details;
    this.retryAfterSeconds = facts.retryAfterSeconds ?? null;
  }
}

interface Call {
  path: string;
  body: BodyInit;
  /** null where the platform knows it better: forms have a boundary in it. */
  contentType: string | null;
  accept: string;
  options: CallOptions;
}

/** Ends a call when its caller wants it to, or when its time is over. */
class Limit {
  readonly #controller = new AbortController();
  readonly #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #outer: AbortSignal | undefined;
  readonly #until: number;
  readonly #abort = (): void => this.#controller.abort(this.#outer?.reason);

  constructor({ signal, timeoutMs }: CallOptions) {
    this.#outer = signal;
    this.#until = timeoutMs === undefined ? Infinity : Date.now() + timeoutMs;
    if (signal?.aborted === true) this.#abort();
    signal?.addEventListener("abort", this.#abort, { once: true });
    if (timeoutMs === undefined) return;
    const late = new ModelError(`No answer within ${timeoutMs} ms.`, { code: "DEADLINE_EXCEEDED" });
    this.#timer = setTimeout(() => this.#controller.abort(late), timeoutMs);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Infinity without a limit. */
  get leftMs(): number {
    return this.#until - Date.now();
  }

  wait(ms: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        clearTimeout(timer);
        reject(this.signal.reason as Error);
      };
      const timer = setTimeout(() => {
        this.signal.removeEventListener("abort", stop);
        resolve();
      }, ms);
      if (this.signal.aborted) stop();
      else this.signal.addEventListener("abort", stop, { once: true });
    });
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#outer?.removeEventListener("abort", this.#abort);
  }
}

class Caller {
  readonly #options: ClientOptions;

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  /** The whole answer: parsed JSON, or bytes. */
  async whole(path: string, body: EncodedBody, options: CallOptions = {}): Promise<unknown> {
    const limit = new Limit(options);
    try {
      const answer = await this.#send({ path, ...body, accept: "application/json", options }, limit);
      const bytes = new Uint8Array(await readAll(answer, limit));
      return isJson(answer) ? parse(new TextDecoder().decode(bytes), answer) : bytes;
    } finally {
      limit.end();
    }
  }

  /** Item by item, as the server sends them: NDJSON, server-sent events, text or bytes. */
  async *stream(path: string, body: EncodedBody, options: CallOptions = {}): AsyncGenerator<unknown> {
    const limit = new Limit(options);
    const accept = "application/x-ndjson, text/plain;q=0.9, */*;q=0.8";
    try {
      const answer = await this.#send({ path, ...body, accept, options }, limit);
      const type = answer.headers.get("content-type") ?? "";
      const pieces = readPieces(answer, limit);
      if (type.startsWith("application/x-ndjson")) yield* jsonLines(pieces, answer);
      else if (type.startsWith("text/event-stream")) yield* events(pieces, answer);
      else if (type.startsWith("text/")) yield* texts(pieces);
      else if (isJson(answer)) yield parse(await joined(texts(pieces)), answer);
      else yield* pieces;
    } finally {
      limit.end();
    }
  }

  /** Resolves with an answer that is no error. */
  async #send(call: Call, limit: Limit): Promise<Response> {
    const { retries = 2, maxRetryAfterSeconds = 30 } = this.#options;
    for (let tries = 0; ; tries++) {
      const answer = await this.#fetch(call, limit);
      if (answer.ok) return answer;
      const error = await errorOf(answer, limit);
      const wait = error.status === 503 ? error.retryAfterSeconds : null;
      if (wait === null || tries >= retries || wait > maxRetryAfterSeconds) throw error;
      // Not at the same moment as everybody else who was told the same.
      const ms = wait * 1000 * (1 + Math.random() / 4);
      if (ms >= limit.leftMs) throw error;
      await limit.wait(ms);
    }
  }

  async #fetch({ path, body, contentType, accept, options }: Call, limit: Limit): Promise<Response> {
    const { url, apiKey, headers } = this.#options;
    const run = this.#options.fetch ?? fetch;
    try {
      return await run(url.replace(/\/+$/, "") + path, {
        method: "POST",
        body,
        signal: limit.signal,
        headers: {
          accept,
          ...(contentType === null ? {} : { "content-type": contentType }),
          ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
          ...(options.requestId === undefined ? {} : { "x-request-id": options.requestId }),
          ...(limit.leftMs === Infinity
            ? {}
            : { "x-request-timeout-ms": String(Math.max(1, Math.ceil(limit.leftMs))) }),
          ...headers,
          ...options.headers,
        },
      });
    } catch (error) {
      if (limit.signal.aborted) throw limit.signal.reason;
      throw new ModelError(`${url} gave no answer.`, { code: "UNREACHABLE", cause: error });
    }
  }
}

type EncodedBody = Pick<Call, "body" | "contentType">;

function jsonBody(input: unknown): EncodedBody {
  return { body: JSON.stringify(input ?? null), contentType: "application/json" };
}

function bytesBody(input: Blob | Uint8Array | ArrayBuffer): EncodedBody {
  return { body: input as BodyInit, contentType: "application/octet-stream" };
}

/** Files as files, texts as texts, everything else as JSON. */
function formBody(input: object): EncodedBody {
  const form = new FormData();
  for (const [name, value] of Object.entries(input)) {
    for (const one of isFiles(value) ? value : [value]) {
      if (one === undefined) continue;
      if (one instanceof Blob || typeof one === "string") form.append(name, one);
      else form.append(name, new Blob([JSON.stringify(one)], { type: "application/json" }));
    }
  }
  return { body: form, contentType: null };
}

function isFiles(value: unknown): value is Blob[] {
  return Array.isArray(value) && value.length > 0 && value.every((one) => one instanceof Blob);
}

async function errorOf(answer: Response, limit: Limit): Promise<ModelError> {
  const { status } = answer;
  const wait = answer.headers.get("retry-after");
  const seconds = wait === null || !/^\d+$/.test(wait) ? null : Number(wait);
  const text = new TextDecoder().decode(await readAll(answer, limit));
  let body: { error?: unknown; code?: unknown; details?: unknown } = {};
  try {
    body = Object(JSON.parse(text)) as typeof body;
  } catch {
    // Not from the model: a proxy on the way.
  }
  const { error = text.slice(0, 200) || `HTTP ${status}`, code } = body;
  const sentence = sentenceOf(error);
  return new ModelError(typeof sentence === "string" ? sentence : JSON.stringify(sentence), {
    code: typeof code === "string" ? code : "HTTP_ERROR",
    status,
    requestId: answer.headers.get("x-request-id"),
    details: typeof error === "string" ? body.details : (body.details ?? error),
    retryAfterSeconds: seconds,
  });
}

async function* readPieces(answer: Response, limit: Limit): AsyncGenerator<Uint8Array> {
  const reader = answer.body?.getReader();
  if (reader === undefined) return;
  let isOver = false;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      isOver = done;
      if (done) return;
      yield value;
    }
  } catch (error) {
    isOver = true;
    throw limit.signal.aborted ? limit.signal.reason : incomplete(answer, error);
  } finally {
    // Whoever stops reading cancels the call on the server.
    if (!isOver) await reader.cancel().catch(() => undefined);
  }
}

async function readAll(answer: Response, limit: Limit): Promise<ArrayBuffer> {
  try {
    return await answer.arrayBuffer();
  } catch (error) {
    throw limit.signal.aborted ? limit.signal.reason : incomplete(answer, error);
  }
}

function incomplete(answer: Response, cause: unknown): ModelError {
  return new ModelError("The answer was cut off: what came is not all of it.", {
    code: "INCOMPLETE_ANSWER",
    status: answer.status,
    requestId: answer.headers.get("x-request-id"),
    cause,
  });
}

async function* texts(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  for await (const piece of pieces) {
    const text = decoder.decode(piece, { stream: true });
    if (text !== "") yield text;
  }
  const rest = decoder.decode();
  if (rest !== "") yield rest;
}

async function joined(pieces: AsyncIterable<string>): Promise<string> {
  const all: string[] = [];
  for await (const piece of pieces) all.push(piece);
  return all.join("");
}

async function* lines(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  // Joined at its end only: a line may be megabytes long.
  let begun: string[] = [];
  for await (const text of texts(pieces)) {
    const [first = "", ...more] = text.split("\n");
    begun.push(first);
    if (more.length === 0) continue;
    const found = [begun.join(""), ...more];
    begun = [found.pop() ?? ""];
    for (const line of found) yield line.endsWith("\r") ? line.slice(0, -1) : line;
  }
  const rest = begun.join("");
  if (rest !== "") yield rest;
}

async function* jsonLines(pieces: AsyncIterable<Uint8Array>, answer: Response): AsyncGenerator<unknown> {
  for await (const line of lines(pieces)) {
    if (line !== "") yield parse(line, answer);
  }
}

/** The data of each event, parsed where it is JSON; an event of the name `error` is thrown. */
async function* events(pieces: AsyncIterable<Uint8Array>, answer: Response): AsyncGenerator<unknown> {
  let name = "";
  let data: string[] = [];
  for await (const line of lines(pieces)) {
    if (line !== "") {
      const [, field = "", value = ""] = /^([^:]*):? ?(.*)$/s.exec(line) ?? [];
      if (field === "event") name = value;
      if (field === "data") data.push(value);
      continue;
    }
    if (name === "error") throw errorEvent(data.join("\n"), answer);
    if (data.length > 0 && data[0] !== "[DONE]") {
      const value = valueOf(data.join("\n"));
      if (isErrorBody(value)) throw errorEvent(data.join("\n"), answer);
      yield value;
    }
    name = "";
    data = [];
  }
  if (data.length > 0 && data[0] !== "[DONE]") yield valueOf(data.join("\n"));
}

/** On OpenAI's routes the event of an error has no name. */
function isErrorBody(value: unknown): boolean {
  const { error, code, request_id: id } = Object(value) as Record<string, unknown>;
  return typeof sentenceOf(error) === "string" && typeof code === "string" && typeof id === "string";
}

/** The routes of OpenAI and Anthropic have the sentence in an object. */
function sentenceOf(error: unknown): unknown {
  const { message } = Object(error) as { message?: unknown };
  return typeof message === "string" ? message : error;
}

function errorEvent(text: string, answer: Response): ModelError {
  const body = Object(valueOf(text)) as { error?: unknown; code?: unknown; details?: unknown };
  const sentence = sentenceOf(body.error);
  return new ModelError(typeof sentence === "string" ? sentence : text, {
    code: typeof body.code === "string" ? body.code : "MODEL_ERROR",
    status: answer.status,
    requestId: answer.headers.get("x-request-id"),
    details: body.details,
  });
}

function valueOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function parse(text: string, answer: Response): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw incomplete(answer, error);
  }
}

function isJson(answer: Response): boolean {
  return /^application\/json\b/.test(answer.headers.get("content-type") ?? "");
}

// purlin: what follows is made for each model.
export { Caller, bytesBody, formBody, jsonBody };
