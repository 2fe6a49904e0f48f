import { FRAME_MS } from "./silero.ts";

export interface SegmenterOptions {
  threshold: number;
  min_speech_ms: number;
  min_silence_ms: number;
}

/** Times in milliseconds from the start of the stream. */
export type SpeechEvent =
  { type: "speech_start"; at_ms: number } | { type: "speech_end"; at_ms: number; duration_ms: number };

/** Ending needs a lower probability than beginning: a wavering voice stays one piece. */
const HYSTERESIS = 0.15;

/** From a probability for each frame to where speech begins and ends. */
export class Segmenter {
  speechMs = 0;
  segments = 0;
  private readonly options: SegmenterOptions;
  private now = 0;
  private speaking = false;
  private start = 0;
  /** Where the last change that has not yet lasted long enough began. */
  private since: number | null = null;

  constructor(options: SegmenterOptions) {
    this.options = options;
  }

  get audioMs(): number {
    return this.now;
  }

  /** Takes the next frame's probability. */
  push(probability: number): SpeechEvent | null {
    const frameStart = this.now;
    this.now += FRAME_MS;
    const { threshold, min_speech_ms, min_silence_ms } = this.options;
    const isChange = this.speaking ? probability < threshold - HYSTERESIS : probability >= threshold;
    const isBack = this.speaking ? probability >= threshold : !isChange;
    if (isBack) this.since = null;
    else if (isChange) this.since ??= frameStart;
    if (this.since === null) return null;

    if (this.now - this.since < (this.speaking ? min_silence_ms : min_speech_ms)) return null;
    return this.speaking ? this.finish(this.since) : this.begin(this.since);
  }

  /** The stream is over: ends what is being said. */
  end(): SpeechEvent | null {
    return this.speaking ? this.finish(this.since ?? this.now) : null;
  }

  private begin(at: number): SpeechEvent {
    this.speaking = true;
    this.start = at;
    this.since = null;
    this.segments++;
    return { type: "speech_start", at_ms: at };
  }

  private finish(at: number): SpeechEvent {
    this.speaking = false;
    this.since = null;
    this.speechMs += at - this.start;
    return { type: "speech_end", at_ms: at, duration_ms: at - this.start };
  }
}
