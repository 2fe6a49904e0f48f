import { lastText, obey, pieces } from "./orders.ts";

export async function responses(input: any, request: Request) {
  const text = typeof input.input === "string" ? input.input : lastText(input.input);
  const said = (await obey(text, request)) ?? text;
  if (input.stream) return events({ input, text: said }, request);
  return envelope(input, "completed", [item(said.toUpperCase(), "completed")]);
}

function item(text: string, status: string) {
  const content = status === "completed" ? [{ type: "output_text", text, annotations: [] }] : [];
  return { id: "msg_7", type: "message", status, role: "assistant", content };
}

function envelope(input: any, status: string, output: unknown[]) {
  return {
    id: "resp_7",
    object: "response",
    created_at: 1_750_000_000,
    status,
    error: null,
    incomplete_details: null,
    instructions: null,
    metadata: {},
    model: input.model,
    output,
    parallel_tool_calls: true,
    temperature: 1,
    tool_choice: "auto",
    tools: [],
    top_p: 1,
    usage: {
      input_tokens: 3,
      input_tokens_details: { cached_tokens: 0 },
      output_tokens: 2,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: 5,
    },
  };
}

async function* events({ input, text }: any, request: Request) {
  let sequence_number = 0;
  const event = (type: string, fields: object) => ({ type, sequence_number: sequence_number++, ...fields });
  const place = { item_id: "msg_7", output_index: 0, content_index: 0 };
  yield event("response.created", { response: envelope(input, "in_progress", []) });
  yield event("response.output_item.added", { output_index: 0, item: item("", "in_progress") });
  const part = { type: "output_text", text: "", annotations: [] };
  yield event("response.content_part.added", { ...place, part });
  let whole = "";
  for await (const delta of pieces(text, request)) {
    whole += delta;
    yield event("response.output_text.delta", { ...place, delta, logprobs: [] });
  }
  yield event("response.output_text.done", { ...place, text: whole, logprobs: [] });
  yield event("response.content_part.done", { ...place, part: { ...part, text: whole } });
  yield event("response.output_item.done", { output_index: 0, item: item(whole, "completed") });
  yield event("response.completed", { response: envelope(input, "completed", [item(whole, "completed")]) });
}
