import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { WebSocket } from "ws";
import type { TemplateCheck } from "./served-template.ts";

interface VoiceEvent {
  type: string;
  at_ms?: number;
  value?: number;
  audio_ms?: number;
  speech_ms?: number;
  segments?: number;
}

const END = JSON.stringify({ type: "end" });

export const checkVoice: TemplateCheck = async (t, { url, projectDir }) => {
  const address = `${url.replace("http", "ws")}/v1/websocket`;
  const wav = await readFile(join(projectDir, "samples/speech.wav"));
  const speech = wav.subarray(wav.indexOf("data") + 8);

  await t.test("finds the three phrases of the sample", async () => {
    const { events, code } = await converse(address, [...pieces(speech, 3200), END]);
    assert.equal(code, 1000);
    assert.equal(events[0]?.type, "ready");
    // Where the speaker begins and ends, in milliseconds, by ear.
    const expected = [320, 2200, 3360, 4300, 5400, 7600];
    const found = events.filter(({ type }) => type.startsWith("speech_")).map(({ at_ms }) => at_ms ?? 0);
    assert.equal(found.length, expected.length, JSON.stringify(events));
    for (const [i, at] of expected.entries())
      assert.ok(Math.abs((found[i] ?? 0) - at) <= 100, `${found.join(" ")}`);
    assert.equal(events.at(-1)?.segments, 3);
    assert.equal(events.at(-1)?.audio_ms, 8000);
  });

  await t.test("does not care how the bytes are cut", async () => {
    const [even, odd] = [
      await converse(address, [speech, END]),
      await converse(address, [...pieces(speech, 777), END]),
    ];
    assert.deepEqual(odd.events, even.events);
  });

  await t.test("hears no speech in silence, noise or a tone", async () => {
    const noise = sound(() => Math.random() - 0.5);
    const tone = sound((i) => 0.4 * Math.sin((2 * Math.PI * 440 * i) / 16_000));
    for (const quiet of [Buffer.alloc(96_000), noise, tone]) {
      const { events } = await converse(address, [quiet, END]);
      assert.deepEqual(
        events.map(({ type }) => type),
        ["ready", "summary"],
      );
      assert.equal(events.at(-1)?.speech_ms, 0);
    }
  });

  await t.test("keeps the connections apart", async () => {
    const cut = pieces(speech, 6400);
    const alone = await converse(address, [...cut, END]);
    const together = await Promise.all([
      converse(address, [...cut, END]),
      converse(address, [...pieces(Buffer.alloc(speech.length), 6400), END]),
      converse(address, [...cut, END]),
    ]);
    assert.deepEqual(together[0].events, alone.events);
    assert.deepEqual(together[2].events, alone.events);
    assert.equal(together[1].events.at(-1)?.segments, 0);
  });

  await t.test("sends probabilities to those who ask", async () => {
    const { events } = await converse(`${address}?probabilities`, [speech, END]);
    const values = events.filter(({ type }) => type === "probability").map(({ value }) => value ?? 0);
    assert.equal(values.length, 250);
    const [least, most] = [Math.min(...values), Math.max(...values)];
    assert.ok(least < 0.05 && most > 0.95, `from ${least} to ${most}`);
  });

  await t.test("closes on words that it does not know, and serves the next one", async () => {
    const { code, reason } = await converse(address, ["hello?"]);
    assert.equal(code, 1003);
    assert.match(reason, /binary/);
    assert.equal((await converse(address, [END])).code, 1000);
  });

  await t.test("survives a client that hangs up in the middle", async () => {
    const socket = new WebSocket(address);
    await once(socket, "open");
    socket.send(speech.subarray(0, 32_000));
    socket.terminate();
    assert.equal((await converse(address, [speech, END])).events.at(-1)?.segments, 3);
  });
};

/** Sends everything and listens until the other side closes. */
async function converse(address: string, messages: (Buffer | string)[]) {
  const socket = new WebSocket(address);
  const events: VoiceEvent[] = [];
  socket.on("message", (data) => events.push(JSON.parse(String(data)) as VoiceEvent));
  const closed = once(socket, "close") as Promise<[number, Buffer]>;
  await once(socket, "open");
  for (const message of messages) socket.send(message);
  const [code, reason] = await closed;
  return { events, code, reason: String(reason) };
}

function pieces(bytes: Buffer, size: number): Buffer[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
    bytes.subarray(i * size, (i + 1) * size),
  );
}

/** Three seconds, samples from -1 to 1. */
function sound(sample: (i: number) => number): Buffer {
  const bytes = Buffer.alloc(96_000);
  for (let i = 0; i < 48_000; i++) bytes.writeInt16LE(Math.round(sample(i) * 32_767), i * 2);
  return bytes;
}
