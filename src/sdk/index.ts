/**
 * What user code may import as "purlin": types that cost nothing, and two small helpers.
 * The runtime recognises both helpers by symbols, so a model may carry its own copy of this file.
 */

/** What the constructor of a model receives; destructure what you need. */
export interface ModelContext {
  /** The validated config.yaml, defaults filled in. */
  config: Record<string, any>; // oxlint-disable-line typescript/no-explicit-any -- user code reads free-form keys
  /** Absolute path of the packed data/ folder. */
  dataDir: string;
  /** Declared secrets; reading one that has no value throws, `get` and `in` never do. */
  secrets: Secrets;
  /** `{name, ...}` when deployed to an environment, otherwise null. */
  environment: Environment | null;
  /** Mount name to absolute path, for each entry of `weights:`. */
  weights: Record<string, string>;
}

export interface Environment {
  name: string;
  [key: string]: unknown;
}

export type Secrets = {
  /** The current value, or undefined; never throws. */
  get(name: string): string | undefined;
} & { readonly [name: string]: string };

/** A web-standard Request whose body can be read as often as you like. */
export interface ModelRequest extends Request {
  /** What a request of the Open Inference Protocol (`/v2/.../infer`) says beside its tensors. */
  readonly inference?: {
    id?: string;
    parameters: Record<string, unknown>;
    /** Names of the outputs that are asked for; all where there are none. */
    outputs?: string[];
  };
}

/** The data of a tensor by its datatype. FP16 are the raw bits, as onnxruntime-node takes them. */
export interface TensorData {
  BOOL: Uint8Array;
  UINT8: Uint8Array;
  UINT16: Uint16Array;
  UINT32: Uint32Array;
  UINT64: BigUint64Array;
  INT8: Int8Array;
  INT16: Int16Array;
  INT32: Int32Array;
  INT64: BigInt64Array;
  FP16: Uint16Array;
  FP32: Float32Array;
  FP64: Float64Array;
  /** Texts where all elements are UTF-8, otherwise bytes. */
  BYTES: string[] | Uint8Array[];
}

/**
 * An array with a shape, row by row: what `/v2/.../infer` and numpy's arrays in msgpack give to `predict`, and what it
 * may return to them. `Tensor<"FP32">` is one of that datatype.
 */
export type Tensor<Datatype extends keyof TensorData = keyof TensorData> = {
  [D in Datatype]: { datatype: D; shape: number[]; data: TensorData[D] };
}[Datatype];

export interface ModelWebSocket extends EventTarget, AsyncIterable<string | Uint8Array> {
  /** Resolves when the message has left our buffer: await it to go no faster than the client reads. */
  send(data: string | ArrayBufferLike | ArrayBufferView): Promise<void>;
  /** Default 1000. */
  close(code?: number, reason?: string): void;
  readonly request: ModelRequest;
  /** Aborts when the client has gone. */
  readonly signal: AbortSignal;
}

/** Any library that speaks the Standard Schema interface: zod, valibot, arktype. */
export interface StandardSchema {
  readonly "~standard": { readonly version: 1; readonly vendor: string; validate(value: unknown): unknown };
}

/** Input of `countTokens`: what Anthropic's clients send to `/v1/messages/count_tokens`. */
export interface CountTokensRequest {
  model: string;
  messages: { role: string; content: unknown }[];
  system?: unknown;
  tools?: unknown[];
  tool_choice?: unknown;
  thinking?: unknown;
}

/** Output of `countTokens`. */
export interface TokenCount {
  input_tokens: number;
}

/** Input of `transcriptions`: the form that OpenAI's clients send to `/v1/audio/transcriptions`. */
export interface TranscriptionRequest {
  file: File;
  model: string;
  language?: string;
  prompt?: string;
  /** The runtime writes the answer in this format. */
  response_format?: "json" | "text" | "verbose_json" | "srt" | "vtt" | "diarized_json";
  temperature?: number;
  /** The client gets events: yield pieces of the text, and the runtime makes the events of them. */
  stream?: boolean;
  timestamp_granularities?: ("word" | "segment")[];
  include?: string[];
  chunking_strategy?: unknown;
}

/** Input of `translations`, whose answer is English. */
export type TranslationRequest = Pick<
  TranscriptionRequest,
  "file" | "model" | "prompt" | "response_format" | "temperature"
>;

/** Output of `transcriptions` and `translations`, where it is more than the text alone. */
export interface Transcription {
  text: string;
  language?: string;
  /** Seconds of the recording. */
  duration?: number;
  /** Needed for the formats srt and vtt. */
  segments?: TranscriptionSegment[];
  words?: { word: string; start: number; end: number }[];
  usage?: unknown;
}

export interface TranscriptionSegment {
  id?: number;
  /** Seconds from the beginning. */
  start: number;
  end: number;
  text: string;
  speaker?: string;
}

/** Input of `speech`: what OpenAI's clients send to `/v1/audio/speech`. The answer is bytes, a Blob, or a stream. */
export interface SpeechRequest {
  input: string;
  model: string;
  voice: unknown;
  instructions?: string;
  response_format?: "mp3" | "opus" | "aac" | "flac" | "wav" | "pcm";
  speed?: number;
  /** With `sse`, the answer is a stream of events of the types `speech.audio.delta` and `speech.audio.done`. */
  stream_format?: "audio" | "sse";
}

/** Input of `rerank`: what Cohere's and Jina's clients send. */
export interface RerankRequest {
  model?: string;
  query: string;
  documents: (string | Record<string, unknown>)[];
  top_n?: number;
  return_documents?: boolean;
}

/** Output of `rerank`, the best document first. */
export interface RerankResult {
  results: { index: number; relevance_score: number; document?: unknown }[];
  [key: string]: unknown;
}

export interface HttpErrorOptions {
  headers?: Record<string, string>;
  /** Stable word for clients, default HTTP_ERROR. */
  code?: string;
  cause?: unknown;
}

/** Thrown in a model, it becomes the answer: that status, `detail` as `error`, these headers. */
export class HttpError extends Error {
  readonly status: number;
  readonly detail: unknown;
  readonly headers: Record<string, string>;
  readonly code: string;

  constructor(status: number, detail?: unknown, options: HttpErrorOptions = {}) {
    super(
      typeof detail === "string" ? detail : `HTTP ${status}`,
      options.cause === undefined ? undefined : { cause: options.cause },
    );
    if (!Number.isInteger(status) || status < 400 || status > 599) {
      throw new RangeError(`HttpError needs a status from 400 to 599, got ${String(status)}`);
    }
    this.name = "HttpError";
    this.status = status;
    this.detail = detail ?? `HTTP ${status}`;
    this.headers = options.headers ?? {};
    this.code = options.code ?? "HTTP_ERROR";
    Object.defineProperty(this, Symbol.for("purlin.HttpError"), { value: true });
  }
}

export interface SseEvent {
  data: unknown;
  event?: string;
  id?: string;
  retry?: number;
}

/** Frames one server-sent event: `yield sse({ data: { token } })`. Strings go as they are, other data as JSON. */
export function sse(event: SseEvent): string {
  const text = typeof event.data === "string" ? event.data : JSON.stringify(event.data ?? null);
  let out = "";
  if (event.event !== undefined) out += `event: ${event.event}\n`;
  if (event.id !== undefined) out += `id: ${event.id}\n`;
  if (event.retry !== undefined) out += `retry: ${event.retry}\n`;
  for (const line of text.split(/\r\n|\r|\n/)) out += `data: ${line}\n`;
  return `${out}\n`;
}
