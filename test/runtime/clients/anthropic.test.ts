// Issue 5, point 7: the `@anthropic-ai/sdk` package, as its users have it, against a running model.
import assert from "node:assert/strict";
import { test } from "node:test";
import Anthropic, { APIError, APIUserAbortError, BadRequestError } from "@anthropic-ai/sdk";
import { runModel } from "../../helpers/run-model.ts";
import { until } from "../../helpers/until.ts";

const MODEL = `
class HttpError extends Error {
  constructor(status, detail, headers = {}) {
    super(String(detail)); Object.assign(this, { status, detail, headers, code: "X" }); this[Symbol.for("purlin.HttpError")] = true;
  }
}
const wait = (ms) => new Promise((r) => setTimeout(r, ms));
const usage = { input_tokens: 1, output_tokens: 1 };
const message = (content, stop_reason) => ({ id: "msg_1", type: "message", role: "assistant", model: "m", content, stop_reason, stop_sequence: null, usage });
let tries = 0;
async function* events(said, request) {
  yield { type: "message_start", message: message([], null) };
  if (said === "weather?") {
    yield { type: "content_block_start", index: 0, content_block: { type: "tool_use", id: "t1", name: "weather", input: {} } };
    for (const partial_json of ['{"ci', 'ty": "Zü', 'rich"}']) yield { type: "content_block_delta", index: 0, delta: { type: "input_json_delta", partial_json } };
  } else {
    yield { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } };
    if (said === "endless") request.signal.addEventListener("abort", () => console.log("signal aborted"));
    try {
      for (let i = 0; i < 3 || said === "endless"; i++) {
        yield { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: ["Grü", "ezi", " ✓"][i % 3] } };
        await wait(1);
      }
    } finally { console.log("generator ended"); }
    if (said === "breaks") throw new HttpError(529, { type: "overloaded_error", message: "try later" });
  }
  yield { type: "content_block_stop", index: 0 };
  yield { type: "message_delta", delta: { stop_reason: said === "weather?" ? "tool_use" : "end_turn", stop_sequence: null }, usage };
  yield { type: "message_stop" };
}
export class Model {
  predict() {}
  messages(input, request) {
    const said = input.messages.at(-1).content;
    if (said === "busy" && ++tries < 3) throw new HttpError(tries === 1 ? 429 : 503, "slow down", { "retry-after": "0.01" });
    if (said === "refused") throw new HttpError(400, { type: "invalid_request_error", message: "no such model" });
    return input.stream ? events(said, request) : message([{ type: "text", text: said + "!" }], "end_turn");
  }
}`;

const clientOf = ({ url }: { url: string }, maxRetries = 0): Anthropic =>
  new Anthropic({ baseURL: url, apiKey: "none", maxRetries });
const ask = (content: string) => ({
  model: "m",
  max_tokens: 10,
  messages: [{ role: "user" as const, content }],
});
const textOf = (message: Anthropic.Message): string =>
  message.content.map((block) => (block.type === "text" ? block.text : "")).join("");

test("an answer, a stream and the pieces of a tool call", async (t) => {
  const client = clientOf(await runModel(t, MODEL));
  const whole = await client.messages.create(ask("hé"));
  assert.equal(textOf(whole), "hé!");
  assert.match(whole._request_id ?? "", /.+/);

  const types: string[] = [];
  for await (const event of await client.messages.create({ ...ask("hi"), stream: true }))
    types.push(event.type);
  assert.deepEqual(types.slice(0, 3), ["message_start", "content_block_start", "content_block_delta"]);
  assert.equal(types.at(-1), "message_stop");
  assert.equal(textOf(await client.messages.stream(ask("hi")).finalMessage()), "Grüezi ✓");

  const called = await client.messages.stream(ask("weather?")).finalMessage();
  assert.equal(called.stop_reason, "tool_use");
  const [block] = called.content;
  assert.ok(block?.type === "tool_use");
  assert.deepEqual([block.id, block.name, block.input], ["t1", "weather", { city: "Zürich" }]);
});

test("errors arrive with status, type and request id, also in the middle of a stream; busy ones are tried again", async (t) => {
  const model = await runModel(t, MODEL);
  const client = clientOf(model);
  await assert.rejects(client.messages.create(ask("refused")), (error) => {
    assert.ok(error instanceof BadRequestError);
    assert.equal(error.type, "invalid_request_error");
    assert.match(error.message, /no such model/);
    assert.match(error.requestID ?? "", /.+/);
    return true;
  });
  let pieces = 0;
  await assert.rejects(
    async () => {
      for await (const event of await client.messages.create({ ...ask("breaks"), stream: true }))
        if (event.type === "content_block_delta") pieces += 1;
    },
    (error) => error instanceof APIError && error.type === "overloaded_error",
  );
  assert.equal(pieces, 3);
  assert.equal(textOf(await clientOf(model, 2).messages.create(ask("busy"))), "busy!");
});

test("an abort in the middle of a stream ends the user's code", async (t) => {
  const model = await runModel(t, MODEL);
  const stream = clientOf(model).messages.stream(ask("endless"));
  let pieces = 0;
  await assert.rejects(async () => {
    for await (const _ of stream) if (++pieces === 5) stream.abort();
  }, APIUserAbortError);
  for (const said of ["signal aborted", "generator ended"])
    await until(() => model.logs().some((record) => record.message === said), {
      timeout: 20_000,
      what: said,
    });
});
