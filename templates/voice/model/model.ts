import type { ModelContext, ModelWebSocket } from "purlin";
import { FrameCutter } from "./frames.ts";
import { Segmenter, type SegmenterOptions } from "./segmenter.ts";
import { FRAME_MS, SAMPLE_RATE, Silero } from "./silero.ts";

export class Model {
  private readonly options: SegmenterOptions;
  private silero!: Silero;

  constructor({ config }: ModelContext) {
    this.options = config.model_metadata as SegmenterOptions;
  }

  async load() {
    this.silero = await Silero.load();
  }

  /**
   * One call for each connection, for as long as it lasts: what is declared in here is the state of that
   * connection. The network itself keeps none and is shared.
   */
  async websocket(socket: ModelWebSocket) {
    const withProbabilities = new URL(socket.request.url).searchParams.has("probabilities");
    const state = this.silero.newState();
    const frames = new FrameCutter();
    const segmenter = new Segmenter(this.options);
    // Awaited: a client that does not read is not sent more than it takes.
    const send = (event: object) => socket.send(JSON.stringify(event));

    await send({ type: "ready", sample_rate: SAMPLE_RATE, frame_ms: FRAME_MS });
    for await (const message of socket) {
      if (typeof message === "string") {
        if (isEnd(message)) break;
        return socket.close(1003, 'Send sound as binary messages, or {"type": "end"}');
      }
      for (const frame of frames.push(message)) {
        const probability = await this.silero.probability(frame, state);
        const event = segmenter.push(probability);
        if (withProbabilities) {
          await send({
            type: "probability",
            at_ms: segmenter.audioMs - FRAME_MS,
            value: Number(probability.toFixed(3)),
          });
        }
        if (event) await send(event);
      }
    }

    if (socket.signal.aborted) return; // Hung up: nobody is there to read the rest.
    const last = segmenter.end();
    if (last) await send(last);
    const { audioMs, speechMs, segments } = segmenter;
    await send({ type: "summary", audio_ms: audioMs, speech_ms: speechMs, segments });
  }
}

function isEnd(message: string): boolean {
  try {
    return (JSON.parse(message) as { type?: unknown } | null)?.type === "end";
  } catch {
    return false;
  }
}
