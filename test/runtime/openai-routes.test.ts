// Model contract §3 and §6, spec cases G, D6 and E3: the routes that OpenAI and Anthropic clients call.
import assert from "node:assert/strict";
import { request } from "node:http";
import { test } from "node:test";
import OpenAI from "openai";
import { runModel } from "../helpers/run-model.ts";
import { until } from "../helpers/until.ts";

const ROUTES: Record<string, string> = {
  predict: "/predict",
  chatCompletions: "/v1/chat/completions",
  completions: "/v1/completions",
  embeddings: "/v1/embeddings",
  messages: "/v1/messages",
  responses: "/v1/responses",
};

const post = (url: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(url, { method: "POST", body: JSON.stringify(body), headers });

test("each route calls its own method with its own parsed body; pre- and postprocess are for predict alone", async (t) => {
  const methods = Object.keys(ROUTES).map(
    (name) => `async ${name}(input, request) { this.n["${name}"] = (this.n["${name}"] ?? 0) + input.increment;
      return { name: "${name}", count: this.n["${name}"], input, again: await request.json(), path: new URL(request.url).pathname }; }`,
  );
  const source = `export class Model { n = {}; preprocess(x) { return { ...x, pre: true }; } postprocess(x) { return { ...x, post: true }; } ${methods.join("\n")} }`;
  const { url } = await runModel(t, source);
  for (const [k, [name, path]] of Object.entries(ROUTES).entries()) {
    const body = { increment: k + 1 };
    const isPredict = name === "predict";
    const expected = {
      name,
      input: isPredict ? { ...body, pre: true } : body,
      again: body,
      path,
      ...(isPredict ? { post: true } : {}),
    };
    for (const times of [1, 2]) {
      assert.deepEqual(
        await (await post(url + path, body)).json(),
        { ...expected, count: (k + 1) * times },
        name,
      );
    }
  }
});

test("a route without its method is a 404 that names it", async (t) => {
  const { url } = await runModel(t, "export class Model { predict() { return 1; } }");
  for (const [name, path] of Object.entries(ROUTES).slice(1)) {
    const answer = await post(url + path, {});
    const body = (await answer.json()) as { error: { message: string }; code: string };
    assert.deepEqual([answer.status, body.code], [404, "METHOD_NOT_IMPLEMENTED"]);
    assert.match(body.error.message, new RegExp(name));
  }
});

test("an OpenAI client that asks for JSON still gets a stream in chunks; others get it gathered", async (t) => {
  const source = `export class Model { async *chatCompletions() { yield "1"; await new Promise((r) => setTimeout(r, 50)); yield "2"; } async *messages() { yield "3"; yield "4"; } predict() {} }`;
  const { url } = await runModel(t, source);
  const chunksOf = (path: string, headers: Record<string, string>): Promise<[string | undefined, string[]]> =>
    new Promise((resolve, reject) => {
      const sent = request(
        url + path,
        { method: "POST", headers: { accept: "application/json", ...headers } },
        (res) => {
          const chunks: string[] = [];
          res.setEncoding("utf8").on("data", (text: string) => chunks.push(text));
          res.on("end", () => resolve([res.headers["transfer-encoding"], chunks]));
        },
      );
      sent.on("error", reject).end("{}");
    });
  for (const agent of ["OpenAI/Python 1.61.0", "openai-node/6", "AsyncOpenAI/JS 4"]) {
    assert.deepEqual(
      await chunksOf("/v1/chat/completions", { "user-agent": agent }),
      ["chunked", ["1", "2"]],
      agent,
    );
  }
  assert.deepEqual(await chunksOf("/v1/chat/completions", {}), [undefined, ['"12"']]);
  assert.deepEqual(await chunksOf("/v1/messages", { "user-agent": "anthropic" }), [undefined, ['"34"']]);
  const [encoding, chunks] = await chunksOf("/v1/messages", { accept: "*/*" });
  assert.deepEqual([encoding, chunks.join("")], ["chunked", "34"]);
});

const SLOTS = `
  const wait = (ms) => new Promise((r) => setTimeout(r, ms));
  export class Model {
    async predict() { console.log("predict began"); await wait(1000); return "slow"; }
    async chatCompletions() { return "quick"; }
  }`;

test("these methods take no slot while predict holds its own; with openai_uses_slot they wait for it", async (t) => {
  for (const usesSlot of [false, true]) {
    const model = await runModel(t, SLOTS, { config: `runtime:\n  openai_uses_slot: ${usesSlot}\n` });
    const order: string[] = [];
    const slow = model.predict(null).then(() => order.push("slow"));
    await until(() => model.logs().some(({ message }) => message === "predict began"));
    const quick = post(`${model.url}/v1/chat/completions`, {}).then(() => order.push("quick"));
    await Promise.all([slow, quick]);
    assert.deepEqual(order, usesSlot ? ["slow", "quick"] : ["quick", "slow"]);
  }
});

test("the openai package talks to a model: an answer, a stream, an error with its status", async (t) => {
  const source = `
    const piece = (content) => "data: " + JSON.stringify({ id: "1", object: "chat.completion.chunk", created: 1, model: "m", choices: [{ index: 0, delta: { content }, finish_reason: null }] }) + "\\n\\n";
    export class Model {
      async chatCompletions(input, request) {
        if (input.model === "none") throw Object.defineProperty(Object.assign(new Error("x"), { status: 429, detail: { message: "slow down" }, headers: { "retry-after-ms": "1" }, code: "BUSY" }), Symbol.for("purlin.HttpError"), { value: true });
        if (!input.stream) return { id: "1", object: "chat.completion", created: 1, model: "m", choices: [{ index: 0, message: { role: "assistant", content: input.messages[0].content + "!" }, finish_reason: "stop" }] };
        async function* tokens() { for (const word of ["a", "b", "ü"]) yield piece(word); yield "data: [DONE]\\n\\n"; }
        return new Response(ReadableStream.from(tokens()).pipeThrough(new TextEncoderStream()), { headers: { "content-type": "text/event-stream" } });
      }
    }`;
  const { url } = await runModel(
    t,
    `${source.replace("export class Model {", "export class Model { predict() {}")}`,
  );
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: "none", maxRetries: 0 });
  const messages = [{ role: "user" as const, content: "hé" }];
  const whole = await client.chat.completions.create({ model: "m", messages });
  assert.equal(whole.choices[0]?.message.content, "hé!");
  const stream = await client.chat.completions.create({ model: "m", messages, stream: true });
  const words: string[] = [];
  for await (const chunk of stream) words.push(chunk.choices[0]?.delta.content ?? "");
  assert.deepEqual(words, ["a", "b", "ü"]);
  await assert.rejects(
    client.chat.completions.create({ model: "none", messages }),
    (error: InstanceType<typeof OpenAI.APIError>) => {
      assert.equal(error.status, 429);
      return true;
    },
  );
});
