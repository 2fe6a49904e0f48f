import assert from "node:assert/strict";
import OpenAI from "openai";
import { postJson } from "../../helpers/post-json.ts";
import type { TemplateCheck } from "./served-template.ts";

const messages = [{ role: "user" as const, content: "Tell me about the lighthouse." }];

export const checkChat: TemplateCheck = async (t, { url }) => {
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: "none", maxRetries: 0 });

  await t.test("answers a chat, the same for the same seed", async () => {
    const ask = (seed: number) =>
      client.chat.completions.create({ model: "chat", messages, seed, max_tokens: 20 });
    const [one, again, other] = [await ask(1), await ask(1), await ask(2)];
    const [choice] = one.choices;
    assert.equal(choice?.message.role, "assistant");
    assert.ok(choice?.message.content);
    assert.equal(choice.message.content, again.choices[0]?.message.content);
    assert.notEqual(choice.message.content, other.choices[0]?.message.content);
    assert.equal(one.object, "chat.completion");
    assert.equal(one.model, "chat");
    assert.equal(one.usage?.prompt_tokens, 6);
    assert.equal(one.usage?.total_tokens, 6 + (one.usage?.completion_tokens ?? 0));
  });

  await t.test("streams the same text in pieces, and the usage at the end when asked for", async () => {
    const options = { model: "chat", messages, seed: 3, max_tokens: 10 };
    const whole = await client.chat.completions.create(options);
    const stream = await client.chat.completions.create({
      ...options,
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks = [];
    for await (const chunk of stream) chunks.push(chunk);
    const text = chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join("");
    assert.equal(text, whole.choices[0]?.message.content);
    assert.equal(chunks[0]?.choices[0]?.delta.role, "assistant");
    assert.equal(chunks.at(-2)?.choices[0]?.finish_reason, whole.choices[0]?.finish_reason);
    assert.deepEqual(chunks.at(-1)?.choices, []);
    assert.deepEqual(chunks.at(-1)?.usage, whole.usage);
    assert.equal(new Set(chunks.map(({ id }) => id)).size, 1);
  });

  await t.test("the client's own stream helper puts the message together", async () => {
    const runner = client.chat.completions.stream({ model: "chat", messages, seed: 4, max_tokens: 10 });
    const message = await runner.finalMessage();
    assert.equal(message.role, "assistant");
    assert.ok(message.content);
  });

  await t.test("answers by the responses route, whole and as events", async () => {
    const request = {
      model: "chat",
      instructions: "Be brief.",
      input: messages,
      max_output_tokens: 10,
      temperature: 0,
    };
    const whole = await client.responses.create(request);
    assert.ok(whole.output_text);
    assert.deepEqual([whole.status, whole.model], ["incomplete", "chat"]);
    assert.deepEqual(whole.incomplete_details, { reason: "max_output_tokens" });
    assert.equal(whole.usage?.output_tokens, 10);
    const stream = client.responses.stream(request);
    const deltas: string[] = [];
    const types: string[] = [];
    stream.on("event", ({ type }) => types.push(type));
    stream.on("response.output_text.delta", ({ delta }) => deltas.push(delta));
    const final = await stream.finalResponse();
    assert.deepEqual([deltas.join(""), final.output_text], [whole.output_text, whole.output_text]);
    assert.ok(deltas.length > 1);
    assert.deepEqual(types.slice(0, 4), [
      "response.created",
      "response.in_progress",
      "response.output_item.added",
      "response.content_part.added",
    ]);
    assert.equal(types.at(-1), "response.incomplete");
    const wrong = client.responses.create({
      model: "chat",
      input: [{ role: "user", content: [{ type: "input_image", detail: "auto", image_url: "x" }] }],
    });
    await assert.rejects(wrong, { status: 400, param: "input[0].content" });
  });

  await t.test(
    "takes conversations with calls of tools in them, and refuses to be ordered to call one",
    async () => {
      const call = {
        id: "c1",
        type: "function" as const,
        function: { name: "weather", arguments: '{"city":"Bern"}' },
      };
      const tools = [
        { type: "function" as const, function: { name: "weather", parameters: { type: "object" } } },
      ];
      const history = [
        ...messages,
        { role: "assistant" as const, content: null, tool_calls: [call] },
        { role: "tool" as const, tool_call_id: "c1", content: "rain" },
      ];
      const answer = await client.chat.completions.create({
        model: "chat",
        messages: history,
        tools,
        max_tokens: 5,
      });
      assert.ok(answer.choices[0]?.message.content);
      const response = await client.responses.create({
        model: "chat",
        input: [
          ...messages,
          { type: "function_call", call_id: "c1", name: "weather", arguments: '{"city":"Bern"}' },
          { type: "function_call_output", call_id: "c1", output: "rain" },
        ],
        max_output_tokens: 5,
      });
      assert.ok(response.output_text);
      const ordered = client.chat.completions.create({
        model: "chat",
        messages,
        tools,
        tool_choice: "required",
      });
      await assert.rejects(ordered, { status: 400, param: "tool_choice" });
    },
  );

  await t.test("sends each token when it is made", async () => {
    const stream = await client.chat.completions.create({ model: "chat", messages, seed: 3, stream: true });
    const times = [];
    for await (const chunk of stream) if (chunk.choices[0]?.delta.content) times.push(performance.now());
    assert.ok(times.length >= 5, `${times.length} pieces`);
    // At 100 tokens a second the first and the last are well apart; gathered, they would come at once.
    assert.ok((times.at(-1) ?? 0) - (times[0] ?? 0) > 5 * (times.length - 1), `${times.join(" ")}`);
  });

  await t.test("stops at max_tokens and at stop strings", async () => {
    const short = await client.completions.create({
      model: "chat",
      prompt: "The",
      temperature: 0,
      max_tokens: 3,
    });
    assert.equal(short.choices[0]?.finish_reason, "length");
    assert.equal(short.usage?.completion_tokens, 3);

    const options = { model: "chat", prompt: "The lighthouse", temperature: 0, max_tokens: 12 };
    const stopped = await client.completions.create({ ...options, stop: ["long pier"] });
    assert.equal(stopped.choices[0]?.text, " stands at the end of the ");
    assert.equal(stopped.choices[0]?.finish_reason, "stop");

    const stream = await client.completions.create({ ...options, stop: "long pier", stream: true });
    let text = "";
    for await (const chunk of stream) text += chunk.choices[0]?.text ?? "";
    assert.equal(text, " stands at the end of the ");
  });

  await t.test("tells what is wrong as OpenAI's clients expect it", async () => {
    const wrong = client.chat.completions.create({ model: "chat", messages, temperature: 5 });
    await assert.rejects(wrong, (error: InstanceType<typeof OpenAI.BadRequestError>) => {
      assert.equal(error.status, 400);
      assert.equal(error.param, "temperature");
      assert.match(error.message, /temperature must be a number from 0 to 2/);
      return true;
    });
    const empty = client.chat.completions.create({ model: "chat", messages: [], stream: true });
    await assert.rejects(empty, { status: 400 });
  });

  await t.test("is marked as an event stream, to the last event", async () => {
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: "POST",
      body: JSON.stringify({ messages, stream: true, max_tokens: 2 }),
    });
    assert.match(response.headers.get("content-type") ?? "", /^text\/event-stream/);
    assert.match(await response.text(), /\n\ndata: \[DONE\]\n\n$/);
  });

  await t.test("predict streams plain text, gathered for those who want JSON", async () => {
    const input = { prompt: "The lighthouse", temperature: 0, max_tokens: 4 };
    assert.equal((await postJson(`${url}/predict`, input)).body, " stands at the end");
    const streamed = await fetch(`${url}/predict`, { method: "POST", body: JSON.stringify(input) });
    assert.match(streamed.headers.get("content-type") ?? "", /^text\/plain/);
    assert.equal(await streamed.text(), " stands at the end");
  });
};

/** For a model that makes two tokens a second in four slots. */
export const checkChatAbort: TemplateCheck = async (t, { url }) => {
  await t.test("clients that go away leave their slots", async () => {
    const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: "none", maxRetries: 0 });
    const streams = await Promise.all(
      [1, 2, 3, 4].map((seed) =>
        client.completions.create({
          model: "chat",
          prompt: "If you are",
          seed,
          temperature: 0,
          stream: true,
        }),
      ),
    );
    for (const stream of streams) {
      for await (const chunk of stream) {
        assert.ok(chunk.choices[0]);
        break;
      }
      stream.controller.abort();
    }
    // Each of them would go on for another seven seconds.
    const started = performance.now();
    await client.completions.create({ model: "chat", prompt: "The", max_tokens: 1 });
    assert.ok(performance.now() - started < 4000, `waited ${performance.now() - started} ms for a slot`);
  });
};
