// Issue 5, point 7: the `openai` package, as its users have it, against a running model.
import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI, { APIError, RateLimitError, UnprocessableEntityError } from "openai";
import { readMetric } from "../../helpers/read-metric.ts";
import { runModel, type RunningModel } from "../../helpers/run-model.ts";
import { until } from "../../helpers/until.ts";

/** Bundles of these tests have no imports: what sdk's HttpError is to the runtime. */
const HTTP_ERROR = `
class HttpError extends Error {
  constructor(status, detail, { headers = {}, code = "HTTP_ERROR" } = {}) {
    super(String(detail)); Object.assign(this, { status, detail, headers, code }); this[Symbol.for("purlin.HttpError")] = true;
  }
}`;

const MODEL = `${HTTP_ERROR}
const wait = (ms) => new Promise((r) => setTimeout(r, ms));
const chunk = (delta, finish_reason = null) => ({ id: "c1", object: "chat.completion.chunk", created: 1, model: "m", choices: [{ index: 0, delta, finish_reason }] });
let tries = 0;
export class Model {
  predict() {}
  async *chatCompletions(input, request) {
    const said = input.messages.at(-1).content;
    if (said === "busy" && ++tries < 3) throw new HttpError(tries === 1 ? 429 : 503, "slow down", { headers: { "retry-after": "0.01" } });
    if (said === "plain error") throw new HttpError(422, "no such tool", { code: "NO_TOOL" });
    if (said === "object error") throw new HttpError(429, { message: "too many tokens", type: "rate_limit", code: "TOKENS", param: "messages" });
    if (said === "bug") throw new Error("secret detail");
    if (!input.stream) { yield JSON.stringify({}); return; }
    if (said === "weather?") {
      yield chunk({ role: "assistant", content: null, tool_calls: [{ index: 0, id: "t1", type: "function", function: { name: "weather", arguments: "" } }] });
      for (const piece of ['{"ci', 'ty": "Zü', 'rich"}']) { await wait(1); yield chunk({ tool_calls: [{ index: 0, function: { arguments: piece } }] }); }
      yield chunk({}, "tool_calls");
      return;
    }
    if (said === "endless") {
      request.signal.addEventListener("abort", () => console.log("signal aborted"));
      try { for (let i = 0; ; i++) { yield chunk({ content: i + " " }); await wait(2); } } finally { console.log("generator ended"); }
    }
    for (const word of ["Grü", "ezi", " ✓"]) yield chunk({ content: word });
    if (said === "breaks") throw new Error("lost the thread");
    yield chunk({}, "stop");
  }
  completions(input) {
    const part = (text, finish_reason = null) => ({ id: "p1", object: "text_completion", created: 1, model: "m", choices: [{ index: 0, text, finish_reason, logprobs: null }] });
    if (!input.stream) return part(input.prompt + "!", "stop");
    return [..."abc"].map((letter) => part(letter)).values();
  }
  embeddings(input) {
    const rows = [input.input].flat();
    return { object: "list", model: "m", usage: { prompt_tokens: 1, total_tokens: 1 }, data: rows.map((text, index) => ({ object: "embedding", index, embedding: index % 2 ? [0.5, -1.25, text.length] : new Float32Array([0.5, -1.25, text.length]) })) };
  }
  async *responses(input) {
    const response = (status, text) => ({ id: "r1", object: "response", created_at: 1, model: "m", status, output: [{ id: "o1", type: "message", role: "assistant", status, content: [{ type: "output_text", text, annotations: [] }] }] });
    if (!input.stream) { yield JSON.stringify(response("completed", "whole")); return; }
    let sequence_number = 0;
    yield { type: "response.created", sequence_number: sequence_number++, response: response("in_progress", "") };
    for (const delta of ["he", "llo"]) yield { type: "response.output_text.delta", item_id: "o1", output_index: 0, content_index: 0, sequence_number: sequence_number++, delta, logprobs: [] };
    yield { type: "response.completed", sequence_number: sequence_number++, response: response("completed", "hello") };
  }
}`;

/** The model's generators are methods for streams; the plain answers come from these. */
const WHOLE = `
const streaming = { chat: Model.prototype.chatCompletions, responses: Model.prototype.responses };
Model.prototype.chatCompletions = async function (input, request) {
  const stream = streaming.chat.call(this, input, request);
  if (input.stream) return stream;
  await stream.next();
  const said = input.messages.at(-1).content;
  return { id: "c1", object: "chat.completion", created: 1, model: input.model, choices: [{ index: 0, message: { role: "assistant", content: said + "!" }, finish_reason: "stop" }] };
};
Model.prototype.responses = async function (input) {
  const stream = streaming.responses.call(this, input);
  return input.stream ? stream : JSON.parse((await stream.next()).value);
};`;

const clientOf = ({ url }: { url: string }, maxRetries = 0): OpenAI =>
  new OpenAI({ baseURL: `${url}/v1`, apiKey: "none", maxRetries });
const user = (content: string) => [{ role: "user" as const, content }];
const ask = (content: string) => ({ model: "m", messages: user(content) });

test("plain answers and streams of every route; a stream's objects are framed as the client reads them", async (t) => {
  const client = clientOf(await runModel(t, MODEL + WHOLE));
  const whole = await client.chat.completions.create(ask("hé"));
  assert.equal(whole.choices[0]?.message.content, "hé!");
  assert.match(whole._request_id ?? "", /.+/);
  let text = "";
  const chat = await client.chat.completions.create({ ...ask("hi"), stream: true });
  for await (const chunk of chat) text += chunk.choices[0]?.delta.content ?? "";
  assert.equal(text, "Grüezi ✓");
  assert.equal((await client.completions.create({ model: "m", prompt: "once" })).choices[0]?.text, "once!");
  let letters = "";
  for await (const part of await client.completions.create({ model: "m", prompt: "x", stream: true }))
    letters += part.choices[0]?.text;
  assert.equal(letters, "abc");
  assert.equal((await client.responses.create({ model: "m", input: "x" })).output_text, "whole");
  const events = client.responses.stream({ model: "m", input: "x" });
  const types: string[] = [];
  for await (const event of events) types.push(event.type);
  assert.deepEqual(types, [
    "response.created",
    "response.output_text.delta",
    "response.output_text.delta",
    "response.completed",
  ]);
  assert.equal((await events.finalResponse()).output_text, "hello");
});

test("a streamed answer says what it is and how it ends", async (t) => {
  const { url } = await runModel(t, MODEL + WHOLE);
  const post = (path: string, body: object) =>
    fetch(url + path, {
      method: "POST",
      body: JSON.stringify({ ...body, stream: true }),
      headers: { accept: "application/json" },
    });
  const chat = await post("/v1/chat/completions", ask("hi"));
  assert.equal(chat.headers.get("content-type"), "text/event-stream");
  assert.match(await chat.text(), /\n\ndata: \[DONE\]\n\n$/);
  const responses = await (await post("/v1/responses", { input: "x" })).text();
  assert.match(responses, /^event: response\.created\ndata: \{/);
  assert.doesNotMatch(responses, /DONE/);
});

test("embeddings: floats as asked for, and base64, which the client asks for by itself", async (t) => {
  const client = clientOf(await runModel(t, MODEL + WHOLE));
  for (const encoding_format of [undefined, "float"] as const) {
    const { data } = await client.embeddings.create({
      model: "m",
      input: ["abc", "de"],
      ...(encoding_format === undefined ? {} : { encoding_format }),
    });
    assert.deepEqual(
      data.map(({ embedding }) => embedding),
      [
        [0.5, -1.25, 3],
        [0.5, -1.25, 2],
      ],
    );
  }
});

test("the pieces of a tool call add up", async (t) => {
  const client = clientOf(await runModel(t, MODEL + WHOLE));
  const runner = client.chat.completions.stream({
    ...ask("weather?"),
    tools: [{ type: "function", function: { name: "weather", parameters: { type: "object" } } }],
  });
  let pieces = 0;
  for await (const chunk of runner) pieces += chunk.choices[0]?.delta.tool_calls?.length ?? 0;
  assert.equal(pieces, 4);
  const { choices } = await runner.finalChatCompletion();
  assert.equal(choices[0]?.finish_reason, "tool_calls");
  const [call] = choices[0]?.message.tool_calls ?? [];
  assert.ok(call?.type === "function");
  assert.deepEqual([call.id, call.function.name], ["t1", "weather"]);
  assert.deepEqual(JSON.parse(call.function.arguments), { city: "Zürich" });
});

test("errors arrive with status, code and request id; one in the middle of a stream ends it with a throw", async (t) => {
  const model = await runModel(t, MODEL + WHOLE);
  const client = clientOf(model);
  const failure = async (content: string): Promise<APIError> => {
    try {
      await client.chat.completions.create(ask(content));
    } catch (error) {
      assert.ok(error instanceof APIError);
      return error;
    }
    throw new Error(`${content} did not fail`);
  };
  const plain = await failure("plain error");
  assert.ok(plain instanceof UnprocessableEntityError);
  assert.match(plain.message, /422.*no such tool/);
  assert.match(plain.requestID ?? "", /.+/);
  const rich = await failure("object error");
  assert.ok(rich instanceof RateLimitError);
  assert.deepEqual(
    [rich.message, rich.code, rich.type, rich.param],
    ["429 too many tokens", "TOKENS", "rate_limit", "messages"],
  );
  const bug = await failure("bug");
  assert.equal(bug.status, 500);
  assert.doesNotMatch(bug.message, /secret detail/);

  let text = "";
  await assert.rejects(async () => {
    for await (const chunk of await client.chat.completions.create({ ...ask("breaks"), stream: true }))
      text += chunk.choices[0]?.delta.content ?? "";
  }, APIError);
  assert.equal(text, "Grüezi ✓");
});

test("429 and 503 are tried again as Retry-After says", async (t) => {
  const client = clientOf(await runModel(t, MODEL + WHOLE), 2);
  const answer = await client.chat.completions.create(ask("busy")).withResponse();
  assert.equal(answer.data.choices[0]?.message.content, "busy!");
  assert.equal(answer.response.status, 200);
});

test("a full queue is waited for, as its Retry-After says", async (t) => {
  const model = await runModel(
    t,
    `export class Model { predict() {} async chatCompletions(input) { await new Promise((r) => setTimeout(r, 300));
      return { id: "c1", object: "chat.completion", created: 1, model: "m", choices: [{ index: 0, message: { role: "assistant", content: "done" }, finish_reason: "stop" }] }; } }`,
    { config: "runtime: { openai_uses_slot: true, max_queue: 1 }" },
  );
  await assert.rejects(
    Promise.all([1, 2, 3, 4, 5, 6].map(() => clientOf(model).chat.completions.create(ask("now")))),
    (error) => {
      assert.ok(error instanceof APIError);
      assert.deepEqual([error.status, error.message], [503, "503 The queue is full."]);
      return Number(error.headers?.get("retry-after")) >= 1;
    },
  );
  const patient = clientOf(model, 5);
  const all = await Promise.all([1, 2, 3, 4].map(() => patient.chat.completions.create(ask("later"))));
  assert.deepEqual(
    all.map(({ choices }) => choices[0]?.message.content),
    ["done", "done", "done", "done"],
  );
});

test("an abort in the middle of a stream ends the user's code and frees what it held", async (t) => {
  const model = await runModel(t, MODEL + WHOLE, { config: "runtime: {openai_uses_slot: true}" });
  const client = clientOf(model);
  const stream = await client.chat.completions.create({ ...ask("endless"), stream: true });
  let chunks = 0;
  for await (const _ of stream) if (++chunks === 5) stream.controller.abort();
  await ended(model, 1);
  // Leaving the loop is an abort, too.
  for await (const _ of await client.chat.completions.create({ ...ask("endless"), stream: true })) break;
  await ended(model, 2);
  const { choices } = await client.chat.completions.create(ask("after"));
  assert.equal(choices[0]?.message.content, "after!");
  assert.equal(await readMetric(model.url, "purlin_requests_in_flight"), 0);
  assert.equal(await readMetric(model.url, "purlin_cancellations_total"), 2);
});

async function ended(model: RunningModel, times: number): Promise<void> {
  for (const said of ["signal aborted", "generator ended"]) {
    const count = (): number => model.logs().filter(({ message }) => message === said).length;
    await until(() => count() === times, { timeout: 20_000, what: () => `${said} ${times} times` });
  }
}
