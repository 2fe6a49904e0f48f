// Issue 12, part 2, point 1: what the users of OpenAI's and Anthropic's clients are told, whoever refuses them.
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import Anthropic, { APIError as AnthropicError } from "@anthropic-ai/sdk";
import OpenAI, { APIError as OpenAIError } from "openai";
import { makeProject } from "../../helpers/build-project.ts";
import { runModel } from "../../helpers/run-model.ts";
import { startTestHost } from "../../helpers/test-host.ts";

const BODY = `
const schema = { "~standard": { version: 1, vendor: "test", validate: (value) => value.bad === true
  ? { issues: [{ message: "must be false", path: ["messages", 0, "bad"] }] } : { value } } };
const fail = async (said, stream) => {
  if (said === "text") throw new HttpError(422, "no such tool", { code: "NO_TOOL" });
  if (said === "object") throw new HttpError(429, { message: "too many tokens", type: "tokens", code: "TPM", param: "messages" });
  if (said === "throw") throw new Error("secret detail");
};
export class Model {
  static input = { chatCompletions: schema, embeddings: schema, messages: schema, responses: schema };
  predict() {}
  async *chatCompletions(input) { yield { choices: [] }; await fail(input.messages[0].content); }
  embeddings(input) { return fail(input.input); }
  async *messages(input) { yield { type: "ping" }; await fail(input.messages[0].content); }
  async *responses(input) { yield { type: "response.created", sequence_number: 0, response: {} }; await fail(input.input); }
}`;
const RUNTIME_MODEL = `class HttpError extends Error {
  constructor(status, detail, { headers = {}, code = "HTTP_ERROR" } = {}) {
    super(String(detail)); Object.assign(this, { status, detail, headers, code }); this[Symbol.for("purlin.HttpError")] = true;
  }
}
${BODY}`;

interface Told {
  /** "503 The model is not ready.", as their users see it. */
  message: string;
  status: number | undefined;
  type: string | null | undefined;
  code: unknown;
  requestId: string | null | undefined;
}

async function told(call: Promise<unknown>): Promise<Told> {
  try {
    const answer = await call;
    // A stream tells when it is read.
    for await (const item of answer as AsyncIterable<unknown>) void item;
  } catch (error) {
    if (error instanceof OpenAIError) {
      const { message, status, type, code, requestID } = error;
      return { message, status, type, code, requestId: requestID };
    }
    if (error instanceof AnthropicError) {
      const { apiMessage, status, type, requestID } = error as AnthropicError & { apiMessage: string };
      const { code } = error.error as { code: string };
      const message = `${status === undefined ? "" : `${status} `}${apiMessage}`;
      return { message, status, type, code, requestId: requestID };
    }
    throw error;
  }
  throw new Error("There was no error.");
}

interface Clients {
  openai: OpenAI;
  anthropic: Anthropic;
  model: string;
}

function clientsOf(url: string, { apiKey, model }: { apiKey: string; model: string }): Clients {
  const given = { apiKey, maxRetries: 0 };
  return {
    openai: new OpenAI({ ...given, baseURL: `${url}/v1` }),
    anthropic: new Anthropic({ ...given, baseURL: url }),
    model,
  };
}

const user = (content: string) => [{ role: "user" as const, content }];

const CALLS = {
  chat: ({ openai, model }: Clients, said: string, more = {}) =>
    told(openai.chat.completions.create({ model, messages: user(said), stream: true, ...more })),
  embeddings: ({ openai, model }: Clients, input: string, more = {}) =>
    told(openai.embeddings.create({ model, input, ...more })),
  responses: ({ openai, model }: Clients, input: string, more = {}) =>
    told(openai.responses.create({ model, input, stream: true, ...more })),
  messages: ({ anthropic, model }: Clients, said: string, more = {}) =>
    told(anthropic.messages.create({ model, max_tokens: 1, messages: user(said), stream: true, ...more })),
};

/** What a model says, by its route: before the answer has begun, and as an event of a stream. */
async function modelErrors(clients: Clients): Promise<void> {
  const failed = "The model failed on this request; its log has the reason.";
  const input = "Input: messages[0].bad: must be false";
  const embeddings = [
    await CALLS.embeddings(clients, "text"),
    await CALLS.embeddings(clients, "object"),
    await CALLS.embeddings(clients, "throw"),
    await CALLS.embeddings(clients, "x", { bad: true }),
  ];
  assert.deepEqual(
    embeddings.map(({ message, type, code }) => [message, type, code]),
    [
      ["422 no such tool", "invalid_request_error", "NO_TOOL"],
      ["429 too many tokens", "tokens", "TPM"],
      [`500 ${failed}`, "server_error", "MODEL_ERROR"],
      [`400 ${input}`, "invalid_request_error", "INVALID_INPUT"],
    ],
  );
  assert.ok(embeddings.every(({ requestId }) => requestId));
  for (const name of ["chat", "responses", "messages"] as const) {
    const call = CALLS[name];
    const streamed = [
      await call(clients, "text"),
      await call(clients, "object"),
      await call(clients, "throw"),
    ];
    assert.deepEqual(
      streamed.map(({ message }) => message),
      ["no such tool", "too many tokens", failed],
      name,
    );
    assert.deepEqual(
      streamed.map(({ type }) => type),
      name === "messages"
        ? ["invalid_request_error", "tokens", "api_error"]
        : ["invalid_request_error", "tokens", "server_error"],
    );
    const refused = await call(clients, "x", { bad: true });
    assert.equal(refused.message, `400 ${input}`);
    assert.equal(refused.code, "INVALID_INPUT");
  }
}

test("a model's errors, and those of its input, are read by the clients of openai and anthropic", async (t) => {
  const { url } = await runModel(t, RUNTIME_MODEL);
  await modelErrors(clientsOf(url, { apiKey: "none", model: "m" }));
});

test("a runtime's own refusals are read: loading, no such method, no such route, too large", async (t) => {
  const slow = "export class Model { load() { return new Promise(() => {}); } predict() {} }";
  const loading = clientsOf((await runModel(t, slow, { ready: false })).url, { apiKey: "none", model: "m" });
  const config = "runtime: { max_body_bytes: 100 }\n";
  const { url } = await runModel(t, "export class Model { predict() {} }", { config });
  const bare = clientsOf(url, { apiKey: "none", model: "m" });
  for (const [name, call] of Object.entries(CALLS)) {
    const unready = await call(loading, "x");
    assert.equal(unready.message, "503 The model is not ready.");
    assert.equal(unready.code, "MODEL_NOT_READY");
    assert.equal(unready.type, name === "messages" ? "overloaded_error" : "server_error");
    const none = await call(bare, "x");
    assert.match(none.message, /^404 The model has no \w+ method\.$/);
    assert.deepEqual([none.type, none.code], ["not_found_error", "METHOD_NOT_IMPLEMENTED"]);
    assert.ok(none.requestId);
  }
  const files = await told(bare.openai.files.list());
  assert.match(files.message, /^404 There is no route GET \/v1\/files\.$/);
});

test("a host's refusals are read: key, scope, unknown model; and the model's own through it", async (t) => {
  const host = await startHost(t);
  const as = (apiKey: string, model: string): Clients => clientsOf(host.url, { apiKey, model });
  for (const [name, call] of Object.entries(CALLS)) {
    const stranger = await call(as("wrong", "teller"), "x");
    assert.match(stranger.message, /^401 .*key/i);
    assert.deepEqual([stranger.type, stranger.code], ["authentication_error", "UNAUTHENTICATED"], name);
    assert.ok(stranger.requestId, name);
    const unknown = await call(as(host.key, "nosuch"), "x");
    assert.match(unknown.message, /^404 .*nosuch/);
    assert.deepEqual([unknown.type, unknown.code], ["not_found_error", "NOT_FOUND"]);
    const unnamed = await call(as(host.key, ""), "x");
    assert.match(unnamed.message, /^400 The body names no model\. Give it as/);
    const other = await call(as(host.otherKey, "teller"), "x");
    assert.match(other.message, /^403 .*not for the model teller/);
    assert.equal(other.type, "permission_error");
  }
  await modelErrors(as(host.key, "teller"));
});

async function startHost(t: TestContext): Promise<{ url: string; key: string; otherKey: string }> {
  const host = await startTestHost(t);
  await host.ok(["remote", "add", "here", host.url]);
  const source = `import { HttpError } from "purlin";\n${BODY}`.replaceAll(
    /\((said|input|value)(, stream)?\)/g,
    "($1: any)",
  );
  const files = { "config.yaml": "model_name: teller\n", "model/model.ts": source };
  await host.ok(["push", await makeProject(t, files)]);
  const made = await host.ok(["keys", "create", "other", "--scope", "invoke", "--models", "other", "--json"]);
  return { url: host.url, key: host.key, otherKey: (made as unknown as { key: string }).key };
}
