import { callModel, type ModelAnswer } from "../client/call-model.ts";
import { readErrorAnswer } from "../client/read-error-answer.ts";
import { watchSseErrors } from "../client/watch-sse-errors.ts";
import { AppError } from "../errors.ts";
import { type CallableMethod, methodPath } from "../protocol/methods.ts";
import type { PredictInput } from "./read-predict-input.ts";

export interface PredictOptions {
  /** http://host:port, or unix:PATH. */
  address: string;
  /** Where the model's routes are on that server: /models/m/environments/production/sync; its root without it. */
  base?: string | undefined;
  key?: string | null | undefined;
  method: CallableMethod;
  input: PredictInput;
  /** Pieces as they come, instead of one gathered answer. */
  stream: boolean;
  timeoutMs: number;
  signal?: AbortSignal;
  /** Called with each piece where the answer is streamed; awaited before the next one is read. */
  onChunk(chunk: Uint8Array): Promise<void>;
}

export interface PredictResult {
  status: number;
  contentType: string;
  requestId: string | null;
  durationMs: number;
  /** The whole answer; null where it went to onChunk. */
  body: Uint8Array | null;
}

/** One call of a running model. Throws AppError ERROR_ANSWER, or REQUEST_FAILED where there was no whole answer. */
export async function predict(options: PredictOptions): Promise<PredictResult> {
  const startedAt = performance.now();
  const { address, method, input, timeoutMs, signal } = options;
  const call = {
    address,
    path: `${options.base ?? ""}${methodPath(method)}`,
    headers: {
      ...(options.key ? { authorization: `Bearer ${options.key}` } : {}),
      "content-type": input.contentType,
      ...(input.length === null ? {} : { "content-length": String(input.length) }),
      // Exactly this one asks for a gathered answer (model contract §5).
      accept: options.stream ? "*/*" : "application/json",
    },
    body: input.body,
    timeoutMs,
    signal,
  };
  return callModel(call, async (answer) => {
    const { status, contentType, requestId } = answer;
    if (status >= 400) {
      throw readErrorAnswer({ status, requestId, body: new TextDecoder().decode(await gather(answer.body)) });
    }
    const body = options.stream ? await passOn(answer, options) : await gather(answer.body);
    return { status, contentType, requestId, durationMs: performance.now() - startedAt, body };
  });
}

async function passOn(answer: ModelAnswer, options: PredictOptions): Promise<null> {
  const sse = answer.contentType.startsWith("text/event-stream") ? watchSseErrors() : null;
  for await (const chunk of answer.body) {
    sse?.push(chunk);
    await options.onChunk(chunk);
  }
  const broken = sse?.error() ?? null;
  if (broken !== null) throw brokenStream(broken, answer);
  return null;
}

function brokenStream(data: string, { status, requestId }: ModelAnswer): AppError {
  const error = readErrorAnswer({ status, requestId, body: data });
  return new AppError(
    "ERROR_ANSWER",
    error.message.replace("The model answered", "The model broke off its stream:"),
    {
      ...(error.hint === undefined ? {} : { hint: error.hint }),
      data: error.data,
    },
  );
}

async function gather(body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}
