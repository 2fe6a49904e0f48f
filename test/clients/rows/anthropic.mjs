// client: Anthropic SDK for JavaScript
// pins: npm/@anthropic-ai/sdk
// targets: serve, host
// models: chat
import assert from "node:assert/strict";
import Anthropic from "@anthropic-ai/sdk";
import { row, target, thrownBy } from "../lib/rows.mjs";

const baseURL = target.models.chat.anthropic;
const client = new Anthropic({ baseURL, apiKey: target.key, maxRetries: 0, timeout: 30_000 });
const body = (text, more = {}) => ({
  model: "chat",
  max_tokens: 9,
  messages: [{ role: "user", content: text }],
  ...more,
});
const tools = [
  { name: "weather", input_schema: { type: "object", properties: { city: { type: "string" } } } },
];

await row("messages.create", "the text in capitals and a request id", async () => {
  const answer = await client.messages.create(body("grüezi ✓"));
  assert.deepEqual([answer.content[0].text, answer.usage.output_tokens], ["GRÜEZI ✓", 2]);
  assert.ok(answer._request_id);
});
await row("messages.create, authToken", "the same by Authorization: Bearer", async () => {
  const bearer = new Anthropic({ baseURL, authToken: target.key, apiKey: null, maxRetries: 0 });
  assert.equal((await bearer.messages.create(body("a"))).content[0].text, "A");
});
await row("messages.stream().finalText", "the whole text", async () => {
  assert.equal(await client.messages.stream(body("a b c")).finalText(), "A B C");
});
await row("messages.create, stream", "events from message_start to message_stop", async () => {
  const types = [];
  for await (const event of await client.messages.create(body("a b", { stream: true })))
    types.push(event.type);
  assert.deepEqual([types[0], types.at(-1)], ["message_start", "message_stop"]);
});
await row("messages.create, tools", "the call with its input", async () => {
  const { content, stop_reason } = await client.messages.create(body("weather?", { tools }));
  assert.deepEqual([content[0].input, stop_reason], [{ city: "Bern" }, "tool_use"]);
});
await row("messages.stream, tools", "the call, put together of its pieces", async () => {
  const { content } = await client.messages.stream(body("weather?", { tools })).finalMessage();
  assert.deepEqual(content[0].input, { city: "Bern" });
});
await row("429 twice, with maxRetries", "the third answer", async () => {
  const order = body(`do fail anthropic-js-${target.kind}-${Date.now()} 429 2`);
  const answer = await client.messages.create(order, { maxRetries: 3 });
  assert.equal(answer.content[0].text, "ok at try 3");
});
await row("timeout of the client", "APIConnectionTimeoutError", async () => {
  const order = body(`do wait anthropic-js-${target.kind}-${Date.now()} 30000`);
  const error = await thrownBy(client.messages.create(order, { timeout: 1000 }));
  assert.equal(error.constructor.name, "APIConnectionTimeoutError");
});
