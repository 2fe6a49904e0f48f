/**
 * The binary channel between the front and one model process, over a socketpair.
 * Frame: u32 payload bytes, u8 type, u32 id, payload; little-endian. The id names a request (or a call
 * such as a health check) and is chosen by the front; 0 speaks of the process as a whole.
 */
export const HEADER_BYTES = 9;

/** What the front tells a model process. */
export const ToModel = {
  /** A request; see request-frame.ts. */
  REQUEST: 1,
  /** More of a request's body, in pieces of any size. */
  BODY: 2,
  BODY_END: 3,
  /** The slot that a request asked for with SLOT_WANTED. */
  GO: 4,
  /** Nobody waits for the answer any more; u8 reason. The process answers SETTLED once user code has ended. */
  CANCEL: 5,
  /** u32: the client has taken that many more bytes of a stream. */
  CREDIT: 6,
  HEALTH: 7,
  METRICS: 8,
  /** JSON `{dir, digest}`: put the methods of that generation's class on the loaded instance. */
  SWAP: 9,
  /** Run `shutdown()` and exit. */
  SHUTDOWN: 10,
  /** JSON environment or null. */
  ENVIRONMENT: 11,
  /** u8 1 text / 0 binary, then the message. */
  WS_MESSAGE: 12,
  /** u16 code, then the reason. */
  WS_CLOSE: 13,
  SCHEMA: 14,
  /** The rows of a batch, u32 ids of requests that the process has by now; see batch-frame.ts. Its id counts batches. */
  BATCH: 15,
  VITALS: 16,
} as const;

/** What a model process tells the front. */
export const ToFront = {
  /** JSON LoadedInfo: constructor, load and examples are done. */
  LOADED: 32,
  /** JSON FailedInfo: the model cannot be loaded. */
  FAILED: 33,
  /** A whole answer; see response-frame.ts. */
  RESPONSE: 34,
  /** An answer whose body follows in BODY (known length) or CHUNK frames. */
  RESPONSE_HEAD: 35,
  /** One item of a stream. */
  CHUNK: 36,
  /** The body is complete and user code has ended; timings as in a response. */
  END: 37,
  /** The body cannot be completed: the client must see a broken answer. */
  ABORT: 38,
  SLOT_WANTED: 39,
  SLOT_FREE: 40,
  /** User code of a cancelled request has ended. */
  SETTLED: 41,
  HEALTH: 43,
  METRICS: 44,
  SWAPPED: 45,
  /** f64 event-loop lag in ms, f64 RSS in bytes. */
  STATS: 46,
  BODY: 47,
  WS_MESSAGE: 48,
  WS_CLOSE: 49,
  /** u32: the model has taken that many bytes of a request body or of WebSocket messages. */
  CREDIT: 50,
  SCHEMA: 51,
  /** u32: how many slots it has used so far, in the order granted; the last word of a process that ends by itself. */
  BEGUN: 52,
  /** JSON list of ScopeSpans (otlp-span.ts): spans that have ended. */
  SPANS: 53,
  /** The batch with that id holds its slot no longer; f64 milliseconds in predictBatch, u32 rows that were in it. */
  BATCH_DONE: 54,
  /** JSON Vitals without the worker. */
  VITALS: 55,
  /** JSON ControlEvent for whoever started the runtime: what only a model process knows. */
  EVENT: 56,
} as const;

/** How often a model process tells of itself. */
export const STATS_INTERVAL_MS = 1000;

/** Frames of these types may be delivered in pieces: nobody needs their borders. */
export function isBulk(type: number): boolean {
  return type === ToModel.BODY || type === ToFront.BODY;
}

/** Bytes of a stream that may be under way before the reader must have taken some. */
export const STREAM_WINDOW_BYTES = 256 * 1024;
/**
 * Answers of quick requests that may gather in the model process before they are written: a write costs more
 * than such a request. They bound what a hard crash can cost beyond the requests that were running.
 */
export const MAX_GATHERED_ANSWERS = 8;
/** A larger body travels in frames of its own instead of inside REQUEST or RESPONSE. */
export const INLINE_BODY_BYTES = 64 * 1024;

/** CLOSED: a WebSocket's client has said goodbye, which is how they end. */
export const CancelReason = { CLIENT_GONE: 0, DEADLINE: 1, SHUTDOWN: 2, CLOSED: 3 } as const;

export interface LoadedInfo {
  /** Contract methods that the class has, preprocess and postprocess among them. */
  methods: string[];
  /** Methods whose input is left unparsed. */
  raw: string[];
  /** Those of them that read a large upload while it arrives. */
  streams: string[];
  hasSchema: boolean;
  hasHealth: boolean;
  /** predict is answered by predictBatch. */
  batches: boolean;
  load_ms: number;
}

export interface FailedInfo {
  error: string;
  stack?: string;
  /** Where it went wrong: import, definition, constructor, load, example. */
  stage: string;
}
