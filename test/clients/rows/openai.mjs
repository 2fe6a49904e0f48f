// client: OpenAI SDK for JavaScript
// pins: npm/openai
// targets: serve, host
// models: chat
import assert from "node:assert/strict";
import OpenAI from "openai";
import { row, target, thrownBy } from "../lib/rows.mjs";

const { openai: baseURL, root } = target.models.chat;
const client = new OpenAI({ baseURL, apiKey: target.key, maxRetries: 0, timeout: 30_000 });
const model = "chat";
const user = (content) => [{ role: "user", content }];
const ask = (text, more = {}, options) =>
  client.chat.completions.create({ model, messages: user(text), ...more }, options);
const weather = { name: "weather", parameters: { type: "object", properties: { city: { type: "string" } } } };
const tools = [{ type: "function", function: weather }];

/** What the model has told under a name: see orders.ts of the model. */
async function seen(name, wanted) {
  for (const deadline = Date.now() + 20_000; ;) {
    const headers = { authorization: `Bearer ${target.key}`, "content-type": "application/json" };
    const answer = await fetch(`${root}/predict`, {
      method: "POST",
      headers,
      body: JSON.stringify({ seen: name }),
    });
    const events = (await answer.json()).seen;
    if (events.some((event) => event.includes(wanted))) return events;
    if (Date.now() > deadline) assert.fail(`the model has seen ${JSON.stringify(events)}, not ${wanted}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

await row("chat.completions.create", "the text in capitals and a request id", async () => {
  const answer = await ask("grüezi ✓");
  assert.equal(answer.choices[0].message.content, "GRÜEZI ✓");
  assert.equal(answer.usage.total_tokens, 5);
  assert.ok(answer._request_id);
});
await row("chat.completions.create, stream", "each piece, in order", async () => {
  const got = [];
  for await (const chunk of await ask("a b c", { stream: true })) got.push(chunk.choices[0].delta.content);
  assert.deepEqual(got.filter(Boolean), ["A ", "B ", "C"]);
});
await row("chat.completions.create, stream with include_usage", "the usage in a last chunk", async () => {
  let last;
  for await (const chunk of await ask("a b", { stream: true, stream_options: { include_usage: true } }))
    last = chunk;
  assert.deepEqual([last.choices.length, last.usage.total_tokens], [0, 5]);
});
await row("chat.completions.stream().finalContent", "the whole text", async () => {
  assert.equal(
    await client.chat.completions.stream({ model, messages: user("a b c") }).finalContent(),
    "A B C",
  );
});
await row("chat.completions.create, tools", "the call with its arguments", async () => {
  const { choices } = await ask("weather?", { tools });
  assert.deepEqual(JSON.parse(choices[0].message.tool_calls[0].function.arguments), { city: "Bern" });
});
await row("chat.completions.stream, tools", "the call, put together of its pieces", async () => {
  const stream = client.chat.completions.stream({ model, messages: user("weather?"), tools });
  const { choices } = await stream.finalChatCompletion();
  assert.equal(choices[0].message.tool_calls[0].function.arguments, '{"city":"Bern"}');
});
await row("chat.completions.runTools", "the answer to the tool's result", async () => {
  const tool = { ...weather, parse: JSON.parse, function: async ({ city }) => `sunny in ${city}` };
  const runner = client.chat.completions.runTools({
    model,
    messages: user("weather?"),
    tools: [{ type: "function", function: tool }],
  });
  assert.equal(await runner.finalContent(), "SUNNY IN BERN");
});
await row("chat.completions.parse, json_schema", "the parsed object", async () => {
  const schema = {
    name: "a",
    strict: true,
    schema: { type: "object", properties: { answer: { type: "number" } } },
  };
  const { choices } = await client.chat.completions.parse({
    model,
    messages: user("x"),
    response_format: { type: "json_schema", json_schema: schema },
  });
  assert.equal(choices[0].message.parsed.answer, 42);
});
await row("completions.create", "the text in capitals", async () => {
  assert.equal((await client.completions.create({ model, prompt: "abc" })).choices[0].text, "ABC");
});
await row("completions.create, stream", "each piece", async () => {
  let text = "";
  for await (const chunk of await client.completions.create({ model, prompt: "a b c", stream: true }))
    text += chunk.choices[0].text;
  assert.equal(text, "A B C");
});
await row("embeddings.create", "vectors out of the base64 that it asks for", async () => {
  const { data } = await client.embeddings.create({ model, input: ["one", "three"] });
  assert.deepEqual(
    data.map((each) => [...each.embedding]),
    [
      [3, 0.25, Math.fround(0.1)],
      [5, 0.25, Math.fround(0.1)],
    ],
  );
});
await row("embeddings.create, encoding_format float", "vectors as numbers", async () => {
  const { data } = await client.embeddings.create({ model, input: "one", encoding_format: "float" });
  assert.deepEqual(data[0].embedding.slice(0, 2), [3, 0.25]);
});
await row("responses.create", "output_text", async () => {
  assert.equal((await client.responses.create({ model, input: "hello" })).output_text, "HELLO");
});
await row("responses.create, stream", "events from created to completed", async () => {
  const types = [];
  for await (const event of await client.responses.create({ model, input: "a b", stream: true }))
    types.push(event.type);
  assert.deepEqual([types[0], types.at(-1)], ["response.created", "response.completed"]);
});
const CLASSES = {
  400: "BadRequestError",
  401: "AuthenticationError",
  403: "PermissionDeniedError",
  404: "NotFoundError",
  409: "ConflictError",
  422: "UnprocessableEntityError",
  429: "RateLimitError",
  500: "InternalServerError",
  503: "InternalServerError",
};
for (const [status, name] of Object.entries(CLASSES)) {
  await row(`HttpError(${status}, {message, type, code, param})`, `a ${name} with these fields`, async () => {
    const error = await thrownBy(ask(`do status ${status}`));
    assert.equal(error.constructor.name, name);
    assert.deepEqual(
      [error.status, error.code, error.type, error.param],
      [Number(status), "asked_code", "asked_type", "asked_param"],
    );
    assert.match(error.message, new RegExp(`status ${status} was asked for`));
    assert.ok(error.requestID);
  });
}
await row("timeout of the client", "APIConnectionTimeoutError; the model's signal aborts", async () => {
  const name = `js-timeout-${target.kind}-${Date.now()}`;
  const error = await thrownBy(ask(`do wait ${name} 30000`, {}, { timeout: 1500 }));
  assert.equal(error.constructor.name, "APIConnectionTimeoutError");
  await seen(name, "aborted");
});
for (const status of [408, 409, 429, 500, 503]) {
  await row(`${status} twice, with maxRetries`, "the third answer, after Retry-After", async () => {
    const name = `js-${status}-${target.kind}-${Date.now()}`;
    const start = performance.now();
    const { choices } = await ask(`do fail ${name} ${status} 2`, {}, { maxRetries: 3 });
    assert.equal(choices[0].message.content, "ok at try 3");
    assert.ok(performance.now() - start > 1900, "it has not waited as Retry-After says");
  });
}
await row("stream, left after ten chunks", "the model's generator ends", async () => {
  const name = `js-left-${target.kind}-${Date.now()}`;
  let count = 0;
  for await (const _ of await ask(`endless ${name}`, { stream: true })) if (++count === 10) break;
  await seen(name, "stopped");
});
await row("request aborted by its signal", "APIUserAbortError; the model's signal aborts", async () => {
  const name = `js-abort-${target.kind}-${Date.now()}`;
  const abort = new AbortController();
  const failure = thrownBy(ask(`do wait ${name} 30000`, {}, { signal: abort.signal }));
  await seen(name, "began");
  abort.abort();
  assert.equal((await failure).constructor.name, "APIUserAbortError");
  await seen(name, "aborted");
});
await row("20 streams at a time", "each its own text", async () => {
  const texts = await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      client.chat.completions.stream({ model, messages: user(`a b ${index}`) }).finalContent(),
    ),
  );
  assert.deepEqual(
    texts,
    Array.from({ length: 20 }, (_, index) => `A B ${index}`),
  );
});
