// Issue 5, point 7: the same clients through a host's router, which finds the model by the name in the body.
import assert from "node:assert/strict";
import { test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { makeProject } from "../../helpers/build-project.ts";
import { startTestHost } from "../../helpers/test-host.ts";
import { until } from "../../helpers/until.ts";

const MODEL = `
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const chunk = (delta: object, finish_reason: string | null = null) => ({ id: "c1", object: "chat.completion.chunk", created: 1, model: "talker", choices: [{ index: 0, delta, finish_reason }] });
export class Model {
  predict() {}
  async *chatCompletions(input: any, request: Request) {
    const said = input.messages.at(-1).content;
    if (said === "weather?") {
      yield chunk({ role: "assistant", content: null, tool_calls: [{ index: 0, id: "t1", type: "function", function: { name: "weather", arguments: "" } }] });
      for (const piece of ['{"city": ', '"Bern"}']) { await wait(1); yield chunk({ tool_calls: [{ index: 0, function: { arguments: piece } }] }); }
      yield chunk({}, "tool_calls");
      return;
    }
    request.signal.addEventListener("abort", () => console.log("signal aborted", { said }));
    try { for (let i = 0; ; i++) { yield chunk({ content: i + " " }); await wait(2); } } finally { console.log("generator ended", { said }); }
  }
  async *messages(input: any) {
    const message = { id: "m1", type: "message", role: "assistant", model: input.model, content: [], stop_reason: null, stop_sequence: null, usage: { input_tokens: 1, output_tokens: 1 } };
    yield { type: "message_start", message };
    yield { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } };
    for (const text of ["Grü", "ezi"]) { yield { type: "content_block_delta", index: 0, delta: { type: "text_delta", text } }; await wait(1); }
    yield { type: "content_block_stop", index: 0 };
    yield { type: "message_delta", delta: { stop_reason: "end_turn", stop_sequence: null }, usage: { output_tokens: 2 } };
    yield { type: "message_stop" };
  }
}`;

test("tool calls and streams arrive in pieces, an abort reaches the user's code, its log line is found by request", async (t) => {
  const host = await startTestHost(t);
  await host.ok(["remote", "add", "here", host.url]);
  await host.ok([
    "push",
    await makeProject(t, { "config.yaml": "model_name: talker\n", "model/model.ts": MODEL }),
  ]);
  const openai = new OpenAI({ baseURL: `${host.url}/v1`, apiKey: host.key, maxRetries: 0 });
  const ask = (content: string) => ({ model: "talker", messages: [{ role: "user" as const, content }] });

  const { choices } = await openai.chat.completions.stream(ask("weather?")).finalChatCompletion();
  const [call] = choices[0]?.message.tool_calls ?? [];
  assert.ok(call?.type === "function");
  assert.deepEqual(JSON.parse(call.function.arguments), { city: "Bern" });

  const anthropic = new Anthropic({ baseURL: host.url, apiKey: host.key, maxRetries: 0 });
  const said = await anthropic.messages.stream({ ...ask("hi"), max_tokens: 9 }).finalText();
  assert.equal(said, "Grüezi");

  const stream = await openai.chat.completions.create(
    { ...ask("endless"), stream: true },
    { headers: { "x-request-id": "to-be-aborted" } },
  );
  let chunks = 0;
  for await (const _ of stream) if (++chunks === 5) stream.controller.abort();
  for (const message of ["signal aborted", "generator ended"]) {
    await until(
      async () => {
        const { stdout } = await host.cli(["logs", "talker", "--request-id", "to-be-aborted", "--json"]);
        return stdout.includes(message);
      },
      { timeout: 20_000, interval: 200, what: message },
    );
  }
});
