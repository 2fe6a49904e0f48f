import { randomUUID } from "node:crypto";
import { sse } from "purlin";
import type { FinishReason, Generation } from "./engine.ts";
import type { GenerationRequest } from "./openai-request.ts";

/** How text is wrapped: the chat route and the completions route differ in this alone. */
export interface Format {
  idPrefix: string;
  object: string;
  chunkObject: string;
  whole(text: string, finish: FinishReason): object;
  /** The first piece of a stream tells whose text follows, the last one why it ends. */
  chunk(text: string, finish: FinishReason | null, isFirst: boolean): object;
}

export const CHAT: Format = {
  idPrefix: "chatcmpl-",
  object: "chat.completion",
  chunkObject: "chat.completion.chunk",
  whole: (content, finish_reason) => ({
    index: 0,
    message: { role: "assistant", content, refusal: null },
    logprobs: null,
    finish_reason,
  }),
  chunk: (content, finish_reason, isFirst) => ({
    index: 0,
    delta: finish_reason ? {} : isFirst ? { role: "assistant", content } : { content },
    logprobs: null,
    finish_reason,
  }),
};

export const COMPLETION: Format = {
  idPrefix: "cmpl-",
  object: "text_completion",
  chunkObject: "text_completion",
  whole: (text, finish_reason) => ({ index: 0, text, logprobs: null, finish_reason }),
  chunk: (text, finish_reason) => ({ index: 0, text, logprobs: null, finish_reason }),
};

export interface AnswerOptions {
  format: Format;
  request: GenerationRequest;
  model: string;
  promptTokens: number;
}

/** The whole text as one JSON object, or, where the request says `stream`, piece by piece. */
export async function answer(generation: Generation, options: AnswerOptions): Promise<object> {
  if (options.request.stream) return streamed(generation, options);

  let text = "";
  let tokens = 0;
  let next = await generation.next();
  for (; !next.done; next = await generation.next()) {
    text += next.value.text;
    tokens += next.value.tokens;
  }
  const { format } = options;
  return {
    ...header(options, format.object),
    choices: [format.whole(text, next.value)],
    usage: usage(options, tokens),
  };
}

/** As server-sent events. The first piece is awaited: an error before it is an ordinary error answer. */
async function streamed(generation: Generation, options: AnswerOptions): Promise<Response> {
  const events = eventsOf(generation, options);
  const first = await events.next();
  const encoder = new TextEncoder();
  let pending: IteratorResult<string> | undefined = first;
  const body = new ReadableStream<Uint8Array>({
    // Asked for the next event only when there is room for it: a slow client slows the engine down.
    async pull(controller) {
      const { value, done } = pending ?? (await events.next());
      pending = undefined;
      if (done) controller.close();
      else controller.enqueue(encoder.encode(value));
    },
    async cancel() {
      await events.return(undefined);
    },
  });
  return new Response(body, {
    headers: { "content-type": "text/event-stream", "cache-control": "no-cache" },
  });
}

async function* eventsOf(generation: Generation, options: AnswerOptions): AsyncGenerator<string, undefined> {
  const { format, request } = options;
  const head = header(options, format.chunkObject);
  const withUsage = request.stream_options?.include_usage === true;
  // With usage asked for, every chunk has the key and only the last one a value.
  const event = (choices: object[], used: object | null = null) =>
    sse({ data: { ...head, choices, ...(withUsage && { usage: used }) } });

  let tokens = 0;
  let isFirst = true;
  try {
    let next = await generation.next();
    for (; !next.done; next = await generation.next()) {
      tokens += next.value.tokens;
      if (next.value.text === "") continue;
      yield event([format.chunk(next.value.text, null, isFirst)]);
      isFirst = false;
    }
    if (isFirst) yield event([format.chunk("", null, true)]);
    yield event([format.chunk("", next.value, false)]);
    if (withUsage) yield event([], usage(options, tokens));
    yield sse({ data: "[DONE]" });
  } finally {
    await generation.return("stop");
  }
}

function header({ format, model }: AnswerOptions, object: string) {
  return { id: format.idPrefix + randomUUID(), object, created: Math.floor(Date.now() / 1000), model };
}

function usage({ promptTokens }: AnswerOptions, tokens: number) {
  return { prompt_tokens: promptTokens, completion_tokens: tokens, total_tokens: promptTokens + tokens };
}
