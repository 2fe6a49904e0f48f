// client: LangChain for JavaScript
// pins: npm/@langchain/core, npm/@langchain/openai
// targets: serve, host
// models: chat
import assert from "node:assert/strict";
import { tool } from "@langchain/core/tools";
import { ChatOpenAI, OpenAIEmbeddings } from "@langchain/openai";
import { z } from "zod";
import { row, target } from "../lib/rows.mjs";

const configuration = { baseURL: target.models.chat.openai };
const options = { model: "chat", apiKey: target.key, configuration, maxRetries: 0 };
const chat = new ChatOpenAI(options);

await row("ChatOpenAI.invoke", "the text in capitals and its usage", async () => {
  const { content, usage_metadata } = await chat.invoke("hello");
  assert.deepEqual([content, usage_metadata.total_tokens], ["HELLO", 5]);
});
await row("ChatOpenAI.stream", "each piece", async () => {
  let text = "";
  for await (const chunk of await chat.stream("a b c")) text += chunk.content;
  assert.equal(text, "A B C");
});
await row("ChatOpenAI.bindTools", "the call with its arguments", async () => {
  const weather = tool(async () => "sunny", { name: "weather", schema: z.object({ city: z.string() }) });
  const { tool_calls } = await chat.bindTools([weather]).invoke("weather?");
  assert.deepEqual(tool_calls[0].args, { city: "Bern" });
});
await row("ChatOpenAI.withStructuredOutput", "the object", async () => {
  const structured = chat.withStructuredOutput(z.object({ answer: z.number() }), { method: "jsonSchema" });
  assert.deepEqual(await structured.invoke("x"), { answer: 42 });
});
await row("OpenAIEmbeddings.embedDocuments", "the vectors", async () => {
  const vectors = await new OpenAIEmbeddings(options).embedDocuments(["one", "three"]);
  assert.deepEqual(
    vectors.map((each) => each[0]),
    [3, 5],
  );
});
