// Answers with the last message in capitals. A message that begins with "do " asks for something else: see orders.ts.
import * as anthropic from "./anthropic.ts";
import * as openai from "./openai.ts";
import { obey, seen } from "./orders.ts";
import { responses } from "./responses.ts";

export class Model {
  async predict(input: any, request: Request) {
    if (input?.seen) return { seen: seen(input.seen) };
    if (input?.headers) return Object.fromEntries(request.headers);
    if (input?.bytes) return new Uint8Array(input.bytes).fill(7);
    if (input?.count) return ticks(input, request);
    if (input?.order) return { said: await obey(input.order, request) };
    return { echo: input };
  }
  chatCompletions = openai.chatCompletions;
  completions = openai.completions;
  embeddings = openai.embeddings;
  messages = anthropic.messages;
  responses = responses;
}

/** `count` items, `every` so many milliseconds; told in `seen` when it ends. */
async function* ticks({ count, every = 20, text = false, name = "" }: any, request: Request) {
  let sent = 0;
  try {
    for (; sent < count; sent++) {
      await new Promise((resolve) => setTimeout(resolve, every));
      yield text ? `tick ${sent}\n` : { tick: sent };
    }
  } finally {
    if (name) seen(name, sent < count ? `stopped, aborted ${request.signal.aborted}` : "whole");
  }
}
