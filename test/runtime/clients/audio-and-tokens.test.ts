// Issue 12, part 4: token counts and audio as methods, called by the packages that people have.
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI, { toFile } from "openai";
import { runModel } from "../../helpers/run-model.ts";

const MODEL = `
const segments = [
  { id: 0, start: 0, end: 1.5, text: " Grüezi" },
  { id: 1, start: 1.5, end: 3725.042, text: " a --> b\\n\\n<i> & so on" },
];
export class Model {
  predict() {}
  countTokens(input) { return { input_tokens: JSON.stringify(input.messages).length + (input.tools?.length ?? 0) }; }
  async transcriptions(input) {
    const name = input.file.name;
    if (name === "plain.wav") return await input.file.text();
    if (name === "echo.wav") return { text: JSON.stringify({ ...input, file: input.file.size }) };
    if (name === "bad.wav") return { words: [] };
    if (name === "stream.wav") return (async function* () { yield "Grü"; yield "ezi"; })();
    if (name === "own.wav") return [{ type: "transcript.text.delta", delta: "x" }, { type: "transcript.text.done", text: "X", usage: 1 }].values();
    if (name === "late.wav") return (async function* () { yield "Grü"; yield { nothing: 1 }; })();
    return { text: "Grüezi <b>", language: "gsw", duration: 3.5, segments, words: [], usage: { type: "duration", seconds: 4 }, secret: 1 };
  }
  translations() { return "Hello"; }
  speech(input) {
    if (input.stream_format === "sse") return [{ type: "speech.audio.delta", audio: "AAA=" }, { type: "speech.audio.done" }].values();
    return new Blob([Buffer.from(input.input)], { type: "audio/" + (input.response_format ?? "mp3") });
  }
  imageGenerations(input) { return { created: 1, data: [{ b64_json: Buffer.from(input.prompt).toString("base64") }] }; }
  moderations(input) { return { id: "m", model: input.model, results: [{ flagged: true, categories: {}, category_scores: {} }] }; }
  rerank(input) { return { results: input.documents.map((_, index) => ({ index, relevance_score: 1 })) }; }
}`;

async function start(t: TestContext) {
  const { url } = await runModel(t, MODEL);
  return {
    url,
    openai: new OpenAI({ baseURL: `${url}/v1`, apiKey: "-", maxRetries: 0 }),
    anthropic: new Anthropic({ baseURL: url, apiKey: "-", maxRetries: 0 }),
  };
}

const wav = (name: string, text = "RIFF") => toFile(Buffer.from(text), name, { type: "audio/wav" });

test("Anthropic's client counts tokens", async (t) => {
  const { anthropic } = await start(t);
  const messages = [{ role: "user" as const, content: "grüezi" }];
  const { input_tokens: tokens } = await anthropic.messages.countTokens({ model: "m", messages });
  assert.equal(tokens, JSON.stringify(messages).length);
});

test("a transcript is written in the format that was asked for", async (t) => {
  const { openai } = await start(t);
  const ask = async (response_format?: "json" | "text" | "srt" | "verbose_json" | "vtt", name = "full.wav") =>
    openai.audio.transcriptions.create({
      file: await wav(name),
      model: "m",
      response_format: response_format as never,
    });
  const usage = { type: "duration", seconds: 4 };
  assert.deepEqual(await ask(), { text: "Grüezi <b>", usage });
  assert.deepEqual(await ask("json"), { text: "Grüezi <b>", usage });
  assert.equal(await ask("text"), "Grüezi <b>\n");
  const verbose = (await ask("verbose_json")) as unknown as Record<string, unknown>;
  assert.deepEqual([verbose["task"], verbose["language"], verbose["duration"]], ["transcribe", "gsw", 3.5]);
  assert.equal((verbose["segments"] as unknown[]).length, 2);
  assert.equal(
    await ask("srt"),
    "1\n00:00:00,000 --> 00:00:01,500\nGrüezi\n\n2\n00:00:01,500 --> 01:02:05,042\na -> b\n<i> & so on\n\n",
  );
  assert.equal(
    await ask("vtt"),
    "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\nGrüezi\n\n00:00:01.500 --> 01:02:05.042\na -> b\n&lt;i> &amp; so on\n\n",
  );
  assert.deepEqual(await ask("json", "plain.wav"), { text: "RIFF" });
  assert.equal(await ask("text", "stream.wav"), "Grüezi\n");
  assert.deepEqual(await ask("json", "own.wav"), { text: "X", usage: 1 });
  const translated = await openai.audio.translations.create({ file: await wav("x.wav"), model: "m" });
  assert.deepEqual(translated, { text: "Hello" });
  // Without times there are no subtitles; what is no transcript is the model's mistake.
  await assert.rejects(ask("srt", "plain.wav"), { status: 400, message: /tells no times/ });
  await assert.rejects(ask("lines" as never), { status: 400, message: /response_format/ });
  await assert.rejects(ask("json", "bad.wav"), { status: 500 });
});

test("fields of the form reach the model as the protocol has them", async (t) => {
  const { openai } = await start(t);
  const { text } = await openai.audio.transcriptions.create({
    file: await wav("echo.wav"),
    model: "m",
    temperature: 0.5,
    language: "7",
    timestamp_granularities: ["word", "segment"],
    include: ["logprobs"],
  });
  assert.deepEqual(JSON.parse(text), {
    file: 4,
    model: "m",
    temperature: 0.5,
    language: "7",
    timestamp_granularities: ["word", "segment"],
    include: ["logprobs"],
  });
});

test("a transcript comes as events, whether the model streams or not", async (t) => {
  const { openai } = await start(t);
  const events = async (name: string): Promise<unknown[]> => {
    const file = await wav(name);
    const seen: unknown[] = [];
    for await (const event of await openai.audio.transcriptions.create({ file, model: "m", stream: true }))
      seen.push(event);
    return seen;
  };
  const delta = (text: string) => ({ type: "transcript.text.delta", delta: text });
  const done = (text: string) => ({ type: "transcript.text.done", text });
  assert.deepEqual(await events("stream.wav"), [delta("Grü"), delta("ezi"), done("Grüezi")]);
  assert.deepEqual(await events("plain.wav"), [delta("RIFF"), done("RIFF")]);
  assert.deepEqual(await events("full.wav"), [delta("Grüezi <b>"), done("Grüezi <b>")]);
  assert.deepEqual(await events("own.wav"), [delta("x"), { ...done("X"), usage: 1 }]);
  await assert.rejects(events("late.wav"));
  await assert.rejects(events("bad.wav"), { status: 500 });
});

test("speech, images, moderations and rerank are methods of their own", async (t) => {
  const { openai, url } = await start(t);
  const spoken = await openai.audio.speech.create({
    model: "m",
    voice: "alloy",
    input: "grüezi",
    response_format: "opus",
  });
  assert.deepEqual([spoken.headers.get("content-type"), await spoken.text()], ["audio/opus", "grüezi"]);
  const streamed = await openai.audio.speech.create({
    model: "m",
    voice: "alloy",
    input: "x",
    stream_format: "sse",
  });
  assert.match(await streamed.text(), /^event: speech.audio.delta\ndata: .*\n\nevent: speech.audio.done\n/);
  const image = await openai.images.generate({ model: "m", prompt: "a cat" });
  assert.equal(image.data?.[0]?.b64_json, Buffer.from("a cat").toString("base64"));
  assert.equal((await openai.moderations.create({ model: "m", input: "x" })).results[0]?.flagged, true);
  for (const path of ["/v1/rerank", "/v2/rerank"]) {
    const body = JSON.stringify({ model: "m", query: "q", documents: ["a", "b"] });
    const answer = await fetch(url + path, { method: "POST", body });
    assert.equal(((await answer.json()) as { results: unknown[] }).results.length, 2, path);
  }
});
