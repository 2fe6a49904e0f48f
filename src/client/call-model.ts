import type { Readable } from "node:stream";
import type { Dispatcher } from "undici";
import { AppError } from "../errors.ts";
import { parseAddress } from "../protocol/address.ts";

export interface ModelCall {
  /** http://host:port, or unix:PATH. */
  address: string;
  /** From the root of the server: /predict. */
  path: string;
  headers: Record<string, string>;
  /** null: a GET. */
  body: Uint8Array | string | Readable | null;
  /** For the whole answer, in milliseconds; null leaves it to the signal. */
  timeoutMs: number | null;
  signal?: AbortSignal | undefined;
}

export interface ModelAnswer {
  status: number;
  contentType: string;
  requestId: string | null;
  /** Throws AppError REQUEST_FAILED where the answer ends before its end. */
  body: AsyncIterable<Uint8Array>;
}

/**
 * Calls a running model once and hands its answer to `use`, whatever the status; the connection is closed after it.
 * Throws AppError REQUEST_FAILED where there is no answer, and the signal's reason where it was aborted.
 */
export async function callModel<T>(call: ModelCall, use: (answer: ModelAnswer) => Promise<T>): Promise<T> {
  const client = await openModelClient(call.address);
  try {
    return await client.call(call, use);
  } finally {
    await client.close();
  }
}

/** Connections to one running model, kept open between calls. */
export interface ModelClient {
  /** As `callModel`. */
  call<T>(call: Omit<ModelCall, "address">, use: (answer: ModelAnswer) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export async function openModelClient(address: string): Promise<ModelClient> {
  // Loaded here: it costs more time than the whole help page.
  const { Agent } = await import("undici");
  const place = parseAddress(address);
  const dispatcher = new Agent({
    // A model may think for long: only the time limit of the whole call counts.
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: { timeout: 10_000, ...(place.kind === "unix" ? { socketPath: place.path } : {}) },
  });
  return {
    call: (call, use) => send({ ...call, address }, use, dispatcher),
    close: () => dispatcher.destroy(),
  };
}

async function send<T>(
  call: ModelCall,
  use: (answer: ModelAnswer) => Promise<T>,
  dispatcher: Dispatcher,
): Promise<T> {
  const { request } = await import("undici");
  const place = parseAddress(call.address);
  const origin = place.kind === "unix" ? "http://localhost" : place.origin;
  const timeout = call.timeoutMs === null ? null : AbortSignal.timeout(call.timeoutMs);
  const signals = [call.signal, timeout].filter((given) => given != null);
  let received = 0;
  try {
    const answer = await request(new URL(call.path, origin), {
      method: call.body === null ? "GET" : "POST",
      headers: call.headers,
      body: call.body,
      signal: signals.length > 1 ? AbortSignal.any(signals) : (signals[0] ?? null),
      dispatcher,
    });
    return await use({
      status: answer.statusCode,
      contentType: headerText(answer, "content-type") ?? "",
      requestId: headerText(answer, "x-request-id"),
      body: counted(answer.body),
    });
  } catch (error) {
    if (call.signal?.aborted) throw call.signal.reason;
    throw failure(error, call, { timedOut: timeout?.aborted === true, received });
  }

  async function* counted(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of body) {
      received += chunk.byteLength;
      yield chunk;
    }
  }
}

/** Loads what a call needs, for those who measure calls. */
export async function loadClient(): Promise<void> {
  await import("undici");
}

function headerText(answer: Dispatcher.ResponseData, name: string): string | null {
  const value = answer.headers[name];
  return Array.isArray(value) ? (value[0] ?? null) : (value ?? null);
}

function failure(error: unknown, call: ModelCall, state: { timedOut: boolean; received: number }): unknown {
  const code = errorCode(error);
  if (state.timedOut) {
    const seconds = (call.timeoutMs ?? 0) / 1000;
    return new AppError("REQUEST_FAILED", `${call.address} did not finish its answer within ${seconds} s.`, {
      cause: error,
      hint: "Give it more time: --timeout 10m",
    });
  }
  if (code === "ECONNREFUSED" || code === "ENOENT") {
    return new AppError("REQUEST_FAILED", `Nothing listens on ${call.address}.`, {
      cause: error,
      hint: "Start the model with: purlin serve",
    });
  }
  const ofTheConnection =
    /^(UND_ERR|HPE_)/.test(code ?? "") || (error instanceof Error && "syscall" in error);
  if (!ofTheConnection) return error;
  const text =
    state.received > 0
      ? `The answer of ${call.address} was cut off after ${state.received} bytes: what came is not the whole answer.`
      : `${call.address} gave no answer: ${error instanceof Error ? error.message : String(error)}.`;
  return new AppError("REQUEST_FAILED", text, { cause: error, hint: "The log of the server tells why." });
}

function errorCode(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  const { code, errors } = error as { code?: unknown; errors?: unknown };
  if (typeof code === "string") return code;
  // Several addresses of one name were tried.
  return Array.isArray(errors) ? errorCode(errors[0]) : undefined;
}
