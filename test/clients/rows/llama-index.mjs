// client: LlamaIndex for JavaScript
// pins: npm/@llamaindex/openai
// targets: serve, host
// models: chat
import assert from "node:assert/strict";
import { OpenAI } from "@llamaindex/openai";
import { row, target } from "../lib/rows.mjs";

const { openai: baseURL } = target.models.chat;
const chat = new OpenAI({ model: "chat", apiKey: target.key, baseURL, maxRetries: 0 });
const messages = (content) => [{ role: "user", content }];

await row("OpenAI.chat", "the text in capitals", async () => {
  assert.equal((await chat.chat({ messages: messages("hello") })).message.content, "HELLO");
});
await row("OpenAI.chat, stream", "each piece", async () => {
  let text = "";
  for await (const chunk of await chat.chat({ messages: messages("a b c"), stream: true }))
    text += chunk.delta;
  assert.equal(text, "A B C");
});
