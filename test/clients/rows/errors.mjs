// client: AI SDK and LangChain for JavaScript
// pins: npm/ai, npm/@ai-sdk/openai, npm/@ai-sdk/openai-compatible, npm/@ai-sdk/anthropic, npm/@langchain/openai
// targets: serve, host
// models: chat, open
import assert from "node:assert/strict";
import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { ChatOpenAI } from "@langchain/openai";
import { generateText } from "ai";
import { row, target, thrownBy } from "../lib/rows.mjs";

const PROVIDERS = {
  "openai.chat": ({ openai }, apiKey, name) => createOpenAI({ baseURL: openai, apiKey }).chat(name),
  openai: ({ openai }, apiKey, name) => createOpenAI({ baseURL: openai, apiKey })(name),
  "openai-compatible": ({ openai }, apiKey, name) =>
    createOpenAICompatible({ name: "purlin", baseURL: openai, apiKey })(name),
  anthropic: ({ anthropic }, apiKey, name) => createAnthropic({ baseURL: `${anthropic}/v1`, apiKey })(name),
};

/** What the call threw, as status and sentence. */
async function told(provider, prompt, { model = "chat", name = model, key = target.key } = {}) {
  const place = target.models[model];
  if (provider === "langchain") {
    const configuration = { baseURL: place.openai };
    const client = new ChatOpenAI({ model: name, apiKey: key, maxRetries: 0, configuration });
    const error = await thrownBy(() => client.invoke(prompt));
    return [error.status, error.message];
  }
  const chosen = PROVIDERS[provider](place, key, name);
  const error = await thrownBy(() => generateText({ model: chosen, prompt, maxRetries: 0 }));
  return [error.statusCode, error.message];
}

for (const provider of [...Object.keys(PROVIDERS), "langchain"]) {
  const check = async (call, wanted) => {
    const [status, message] = await call;
    assert.equal(status, wanted[0], message);
    assert.match(message, wanted[1]);
    return message;
  };
  await row(`${provider}, a text of HttpError`, "the text", () =>
    check(told(provider, "do text 429"), [429, /a sentence of the model/]),
  );
  await row(`${provider}, a throw of the model`, "that the log has the reason", () =>
    check(told(provider, "do throw"), [500, /The model failed on this request; its log has the reason\./]),
  );
  await row(`${provider}, a model without the method`, "the method's name", () =>
    check(told(provider, "x", { model: "open" }), [404, /The model has no \w+ method\./]),
  );
  if (target.kind !== "host") continue;
  await row(`${provider}, a model that is not there`, "its name", () =>
    check(told(provider, "x", { name: "nosuch" }), [404, /nosuch/]),
  );
  await row(`${provider}, a wrong key`, "what is wrong with the key", () =>
    check(told(provider, "x", { key: "wrong" }), [401, /The key is not one of this host/]),
  );
}
