import type { Readable } from "node:stream";
import type { Agent, Dispatcher } from "undici";
import { AppError } from "../errors.ts";
import type { HostErrorBody } from "../protocol/host-errors.ts";
import { readError } from "../protocol/read-error.ts";
import { HostAnswerError } from "./host-answer-error.ts";
import { retry } from "./retry.ts";

export interface HostCall {
  method: "GET" | "POST" | "PUT" | "DELETE";
  path: string;
  headers?: Record<string, string>;
  /** A function makes a stream anew for each attempt; `alive` is to be called with each piece that is taken. */
  body?: string | Uint8Array | ((alive: () => void) => Readable);
  signal?: AbortSignal | undefined;
  /** May be sent again where nobody knows whether it has arrived. */
  idempotent?: boolean;
  /** Never sent again: the caller knows better what to do then. */
  once?: boolean;
  /** Until the head of the answer, from the last piece of a streamed body that was taken; 60 s. */
  timeoutMs?: number;
  /** Told of each failure that the call is tried again after. */
  onRetry?: (error: unknown) => void;
}

export interface HostAnswer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  /** Parsed; undefined where there was none. */
  body: unknown;
}

export interface HostConnection {
  readonly url: string;
  /** Throws HostAnswerError for an error answer, AppError HOST_UNREACHABLE where there is none. */
  request(call: HostCall): Promise<HostAnswer>;
  /** The body as it comes; reading it throws AppError HOST_UNREACHABLE where it breaks off. */
  open(call: HostCall): Promise<AsyncIterable<Uint8Array>>;
  close(): Promise<void>;
}

const MOST_ERROR_BYTES = 1024 * 1024;
const TIMEOUT_MS = 60_000;
/** A stream that says nothing for so long is dead: the host beats every 15 s. */
const SILENCE_MS = 45_000;

/** Connections to a deployment server, kept for the next call. */
export async function openHostConnection({
  url,
  key,
}: {
  url: string;
  key: string | null;
}): Promise<HostConnection> {
  // Loaded here: it costs more time than the whole help page.
  const { Agent, request } = await import("undici");
  const agent: Agent = new Agent({
    headersTimeout: 0,
    bodyTimeout: SILENCE_MS,
    connect: { timeout: 10_000 },
    // The host closes idle connections after 75 s: it must never be the first.
    keepAliveTimeout: 30_000,
    keepAliveMaxTimeout: 30_000,
  });

  async function send(call: HostCall): Promise<Dispatcher.ResponseData> {
    // Only until the head is there: what follows may go on for as long as it likes.
    const head = new AbortController();
    const timer = setTimeout(() => head.abort(new TimeoutError()), call.timeoutMs ?? TIMEOUT_MS);
    const onSignal = (): void => head.abort(call.signal?.reason);
    if (call.signal?.aborted) onSignal();
    call.signal?.addEventListener("abort", onSignal);
    const forget = (): void => call.signal?.removeEventListener("abort", onSignal);
    try {
      const body = typeof call.body === "function" ? call.body(() => timer.refresh()) : call.body;
      const answer = await request(new URL(`${url}${call.path}`), {
        method: call.method,
        headers: {
          ...(key === null ? {} : { authorization: `Bearer ${key}` }),
          accept: "application/json",
          ...call.headers,
        },
        ...(body === undefined ? {} : { body }),
        dispatcher: agent,
        signal: head.signal,
      });
      // A signal outlives thousands of calls.
      answer.body.once("close", forget);
      return answer;
    } catch (error) {
      forget();
      if (call.signal?.aborted) throw call.signal.reason;
      throw unreachable(url, error);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Breaks are told like any other lack of an answer. */
  async function* pieces(
    body: AsyncIterable<Uint8Array>,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<Uint8Array> {
    try {
      yield* body;
    } catch (error) {
      signal?.throwIfAborted();
      throw unreachable(url, error);
    }
  }

  let reached = false;
  async function checked(call: HostCall): Promise<Dispatcher.ResponseData> {
    const answer = await send(call);
    reached = true;
    if (answer.statusCode < 400) return answer;
    const text = await beginningOf(answer.body).catch(() => "");
    throw new HostAnswerError(answer.statusCode, hostErrorOf(text), {
      retryAfter: Number(answer.headers["retry-after"] ?? 0) || 0,
      url,
    });
  }

  const again = (call: HostCall) => (error: unknown) => {
    // Whoever has never answered is not there, and the person who waits is told at once.
    if (!reached || call.once === true) return null;
    if (error instanceof HostAnswerError) {
      // What the host refused it has not done; behind a gateway's 502 or 504 it may have: a rollback must not run twice.
      const isUndone = [429, 503].includes(error.status);
      const mayBeSentAgain = call.idempotent === true && [408, 500, 502, 504].includes(error.status);
      return isUndone || mayBeSentAgain ? error.retryAfter * 1000 : null;
    }
    return call.idempotent === true && !isBodyAtFault(error) ? 0 : null;
  };

  return {
    url,
    request: (call) =>
      retry(
        async () => {
          const answer = await checked(call);
          const text = await answer.body.text().catch((error: unknown) => {
            throw unreachable(url, error);
          });
          return { status: answer.statusCode, headers: answer.headers, body: parse(text) };
        },
        { signal: call.signal, again: again(call), onRetry: call.onRetry },
      ),
    open: async (call) => {
      const answer = await retry(() => checked(call), { signal: call.signal, again: again(call) });
      return pieces(answer.body, call.signal);
    },
    close: () => agent.destroy(),
  };
}

function hostErrorOf(text: string): Partial<HostErrorBody> | undefined {
  return (readError(parse(text)) ?? undefined) as Partial<HostErrorBody> | undefined;
}

function parse(text: string): unknown {
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

class TimeoutError extends Error {
  override readonly name = "TimeoutError";
}

/** What was read is not what was announced, or cannot be read: sending it again is up to the caller. */
function isBodyAtFault(error: unknown): boolean {
  const code = (error as { cause?: { code?: string } }).cause?.code ?? "";
  return ["UND_ERR_REQ_CONTENT_LENGTH_MISMATCH", "ENOENT", "EACCES", "EISDIR", "EIO"].includes(code);
}

function unreachable(url: string, error: unknown): AppError {
  const { code, message } = error as NodeJS.ErrnoException;
  const why =
    (error as Error).name === "TimeoutError"
      ? "it did not answer in time"
      : code === "ECONNREFUSED"
        ? "nothing listens there"
        : message || String(code);
  return new AppError("HOST_UNREACHABLE", `The deployment server at ${url} cannot be reached: ${why}.`, {
    hint: "Is it running? purlin host starts one on this machine; purlin remote list shows which ones are known.",
    cause: error,
  });
}

/** Of an error only so much is read: whoever answers at that address may go on without end. */
async function beginningOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  // Leaving the loop early destroys the body.
  for await (const piece of body) {
    pieces.push(piece);
    bytes += piece.byteLength;
    if (bytes >= MOST_ERROR_BYTES) break;
  }
  return Buffer.concat(pieces).toString("utf8");
}
