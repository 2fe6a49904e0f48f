import { lastText, obey, pieces } from "./orders.ts";

const USAGE = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 };
const ARGUMENTS = '{"city":"Bern"}';

export async function chatCompletions(input: any, request: Request) {
  const text = lastText(input.messages);
  const said = await obey(text, request);
  const head = { id: "chatcmpl-7", created: 1_750_000_000, model: input.model };
  // Whoever offers tools and asks "weather" gets a call; the tool's answer comes back in capitals.
  const tool = /weather/.test(text) && input.messages.at(-1).role !== "tool" ? input.tools?.[0] : null;
  if (input.stream) return chunks({ input, head, tool, text: said ?? text }, request);
  const call = tool && {
    id: "call_1",
    type: "function",
    function: { name: tool.function.name, arguments: ARGUMENTS },
  };
  const json = input.response_format?.type.startsWith("json") ? '{"answer":42}' : null;
  const message = {
    role: "assistant",
    refusal: null,
    content: call ? null : (json ?? said ?? text.toUpperCase()),
  };
  const choice = {
    index: 0,
    message: call ? { ...message, tool_calls: [call] } : message,
    logprobs: null,
    finish_reason: call ? "tool_calls" : "stop",
  };
  return { ...head, object: "chat.completion", choices: [choice], usage: USAGE };
}

async function* chunks({ input, head, tool, text }: any, request: Request) {
  const asksUsage = input.stream_options?.include_usage;
  const chunk = (delta: unknown, finish_reason: string | null = null) => ({
    ...head,
    object: "chat.completion.chunk",
    choices: [{ index: 0, delta, logprobs: null, finish_reason }],
    ...(asksUsage ? { usage: null } : {}),
  });
  yield chunk({ role: "assistant", content: tool ? null : "" });
  if (tool) {
    const call = {
      index: 0,
      id: "call_1",
      type: "function",
      function: { name: tool.function.name, arguments: "" },
    };
    yield chunk({ tool_calls: [call] });
    for (const part of [ARGUMENTS.slice(0, 5), ARGUMENTS.slice(5)]) {
      yield chunk({ tool_calls: [{ index: 0, function: { arguments: part } }] });
    }
  } else {
    for await (const content of pieces(text, request)) yield chunk({ content });
  }
  yield chunk({}, tool ? "tool_calls" : "stop");
  if (asksUsage) yield { ...head, object: "chat.completion.chunk", choices: [], usage: USAGE };
}

export async function completions(input: any, request: Request) {
  const text = [input.prompt].flat().join("");
  const head = { id: "cmpl-7", object: "text_completion", created: 1_750_000_000, model: input.model };
  const choice = (piece: string, finish_reason: string | null) => ({
    index: 0,
    text: piece,
    logprobs: null,
    finish_reason,
  });
  if (!input.stream) return { ...head, choices: [choice(text.toUpperCase(), "stop")], usage: USAGE };
  return (async function* () {
    for await (const piece of pieces(text, request)) yield { ...head, choices: [choice(piece, null)] };
  })();
}

/** [length of the text, a quarter, a number that float32 rounds]; clients that send tokens get their count. */
export function embeddings(input: any) {
  const texts = Array.isArray(input.input) ? input.input : [input.input];
  const data = texts.map((text: string | number[], index: number) => ({
    object: "embedding",
    index,
    embedding: new Float32Array([text.length, 0.25, 0.1]),
  }));
  return { object: "list", model: input.model, data, usage: { prompt_tokens: 1, total_tokens: 1 } };
}
