import { randomUUID } from "node:crypto";
import type { FinishReason, Generation } from "./engine.ts";

export interface ResponsesOptions {
  model: string;
  promptTokens: number;
  stream: boolean;
}

/** The whole text as one response, or, where the request says `stream`, as the events that lead to it. */
export async function respond(generation: Generation, options: ResponsesOptions): Promise<unknown> {
  const state = new ResponseState(options);
  // Awaited before anything is sent: an error until then is an ordinary error answer.
  const first = await generation.next();
  const events = eventsOf(generation, first, state);
  if (options.stream) return events;
  for await (const _event of events);
  return state.response();
}

/** What a response has come to so far. */
class ResponseState {
  text = "";
  tokens = 0;
  finish: FinishReason | null = null;
  readonly itemId = `msg_${randomUUID()}`;
  private readonly options: ResponsesOptions;
  private readonly id = `resp_${randomUUID()}`;
  private readonly createdAt = Math.floor(Date.now() / 1000);

  constructor(options: ResponsesOptions) {
    this.options = options;
  }

  get status(): string {
    if (this.finish === null) return "in_progress";
    return this.finish === "length" ? "incomplete" : "completed";
  }

  get part(): object {
    return { type: "output_text", text: this.text, annotations: [], logprobs: [] };
  }

  item(content: object[] = [this.part]): object {
    return { id: this.itemId, type: "message", role: "assistant", status: this.status, content };
  }

  response(): object {
    const { model, promptTokens } = this.options;
    const isOver = this.finish !== null;
    return {
      id: this.id,
      object: "response",
      created_at: this.createdAt,
      status: this.status,
      error: null,
      incomplete_details: this.finish === "length" ? { reason: "max_output_tokens" } : null,
      instructions: null,
      metadata: {},
      model,
      output: isOver ? [this.item()] : [],
      parallel_tool_calls: false,
      tool_choice: "auto",
      tools: [],
      temperature: null,
      top_p: null,
      usage: isOver
        ? {
            input_tokens: promptTokens,
            input_tokens_details: { cached_tokens: 0 },
            output_tokens: this.tokens,
            output_tokens_details: { reasoning_tokens: 0 },
            total_tokens: promptTokens + this.tokens,
          }
        : null,
    };
  }
}

/** In OpenAI's order; the runtime makes server-sent events of them. */
async function* eventsOf(
  generation: Generation,
  first: Awaited<ReturnType<Generation["next"]>>,
  state: ResponseState,
): AsyncGenerator<object, undefined> {
  let sequence = 0;
  const event = (type: string, more: object): object => ({ type, sequence_number: sequence++, ...more });
  const place = { item_id: state.itemId, output_index: 0, content_index: 0 };
  try {
    yield event("response.created", { response: state.response() });
    yield event("response.in_progress", { response: state.response() });
    yield event("response.output_item.added", { output_index: 0, item: state.item([]) });
    yield event("response.content_part.added", { ...place, part: state.part });
    let next = first;
    for (; !next.done; next = await generation.next()) {
      const { text, tokens } = next.value;
      state.tokens += tokens;
      if (text === "") continue;
      state.text += text;
      yield event("response.output_text.delta", { ...place, delta: text, logprobs: [] });
    }
    state.finish = next.value;
    yield event("response.output_text.done", { ...place, text: state.text, logprobs: [] });
    yield event("response.content_part.done", { ...place, part: state.part });
    yield event("response.output_item.done", { output_index: 0, item: state.item() });
    yield event(`response.${state.status}`, { response: state.response() });
  } finally {
    await generation.return("stop");
  }
}
