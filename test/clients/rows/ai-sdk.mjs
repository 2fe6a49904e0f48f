// client: AI SDK
// pins: npm/ai, npm/@ai-sdk/openai, npm/@ai-sdk/openai-compatible, npm/@ai-sdk/anthropic
// targets: serve, host
// models: chat
import assert from "node:assert/strict";
import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { embedMany, generateText, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";
import { row, target } from "../lib/rows.mjs";

const { openai: baseURL, anthropic } = target.models.chat;
const apiKey = target.key;
const openai = createOpenAI({ baseURL, apiKey });
const compatible = createOpenAICompatible({ name: "purlin", baseURL, apiKey, includeUsage: true });
const models = {
  "openai (responses)": openai("chat"),
  "openai.chat": openai.chat("chat"),
  "openai-compatible": compatible("chat"),
  anthropic: createAnthropic({ baseURL: `${anthropic}/v1`, apiKey })("chat"),
};
const weather = tool({
  description: "weather of a city",
  inputSchema: z.object({ city: z.string() }),
  execute: async ({ city }) => `sunny in ${city}`,
});

for (const [name, model] of Object.entries(models)) {
  await row(`generateText, ${name}`, "the text in capitals", async () => {
    assert.equal((await generateText({ model, prompt: "hello", maxRetries: 0 })).text, "HELLO");
  });
  await row(`streamText, ${name}`, "each piece, and no error", async () => {
    let text = "";
    const failures = [];
    const { textStream } = streamText({
      model,
      prompt: "a b c",
      maxRetries: 0,
      onError: ({ error }) => failures.push(error),
    });
    for await (const piece of textStream) text += piece;
    assert.deepEqual([text, failures], ["A B C", []]);
  });
}
await row("generateText with a tool, openai.chat", "the answer to the tool's result", async () => {
  const { text } = await generateText({
    model: models["openai.chat"],
    prompt: "weather?",
    tools: { weather },
    stopWhen: stepCountIs(3),
    maxRetries: 0,
  });
  assert.equal(text, "SUNNY IN BERN");
});
await row("embedMany, openai-compatible", "the vectors", async () => {
  const { embeddings } = await embedMany({
    model: compatible.embeddingModel("chat"),
    values: ["one", "three"],
  });
  assert.deepEqual(
    embeddings.map((each) => each[0]),
    [3, 5],
  );
});
