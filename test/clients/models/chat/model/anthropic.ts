import { lastText, obey, pieces } from "./orders.ts";

export async function messages(input: any, request: Request) {
  const text = lastText(input.messages);
  const said = await obey(text, request);
  const head = { id: "msg_7", type: "message", role: "assistant", model: input.model, stop_sequence: null };
  const tool = /weather/.test(text) ? input.tools?.[0] : null;
  if (input.stream) return events({ head, tool, text: said ?? text }, request);
  const block = tool
    ? { type: "tool_use", id: "toolu_1", name: tool.name, input: { city: "Bern" } }
    : { type: "text", text: said ?? text.toUpperCase() };
  const stop_reason = tool ? "tool_use" : "end_turn";
  return { ...head, content: [block], stop_reason, usage: { input_tokens: 3, output_tokens: 2 } };
}

async function* events({ head, tool, text }: any, request: Request) {
  const usage = { input_tokens: 3, output_tokens: 0 };
  yield { type: "message_start", message: { ...head, content: [], stop_reason: null, usage } };
  if (tool) {
    const block = { type: "tool_use", id: "toolu_1", name: tool.name, input: {} };
    yield { type: "content_block_start", index: 0, content_block: block };
    for (const partial_json of ['{"city":', '"Bern"}']) {
      yield { type: "content_block_delta", index: 0, delta: { type: "input_json_delta", partial_json } };
    }
  } else {
    yield { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } };
    yield { type: "ping" };
    for await (const piece of pieces(text, request)) {
      yield { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: piece } };
    }
  }
  yield { type: "content_block_stop", index: 0 };
  const delta = { stop_reason: tool ? "tool_use" : "end_turn", stop_sequence: null };
  yield { type: "message_delta", delta, usage: { output_tokens: 2 } };
  yield { type: "message_stop" };
}
