import { InputError, type Reply } from "./formats/wire-format.ts";

/** What a model's `transcriptions` or `translations` may return; a text says the same as `{text}`. */
export interface Transcript {
  text: string;
  segments?: Segment[];
  [key: string]: unknown;
}

interface Segment {
  /** Seconds. */
  start: number;
  end: number;
  text: string;
  /** Of `diarized_json`: who speaks. */
  speaker?: string;
}

const FORMATS = ["json", "text", "verbose_json", "srt", "vtt", "diarized_json"];
/** What `json` has beside the text. */
const JSON_FIELDS = ["logprobs", "usage"];

/** How a transcript is written for the client, as its request says. Throws InputError. */
export function transcriptReply(method: string, input: unknown): Reply {
  const asked = (input as { response_format?: unknown } | null)?.response_format ?? "json";
  const format = FORMATS.find((name) => name === asked);
  if (format === undefined) {
    throw new InputError("INVALID_INPUT", `Input: response_format: must be one of ${FORMATS.join(", ")}`);
  }
  return {
    encode: (output) => {
      const transcript = readTranscript(method, output);
      if (format === "text") return textBody(`${transcript.text}\n`);
      if (format === "srt") return textBody(srt(segmentsOf(transcript, format)));
      if (format === "vtt") return textBody(vtt(segmentsOf(transcript, format)), "text/vtt");
      return jsonBody(format === "json" ? briefly(transcript) : verbosely(method, transcript));
    },
  };
}

/** The events of a transcript that is sent as it comes: texts are pieces of it, objects are events of the model's own. */
export class TranscriptEvents {
  readonly #method: string;
  #text = "";
  #isDone = false;

  constructor(method: string) {
    this.#method = method;
  }

  item(value: unknown): unknown {
    if (typeof value === "string") return this.#delta(value);
    const { type } = (value ?? {}) as { type?: unknown };
    if (type === "transcript.text.done") this.#isDone = true;
    if (typeof type === "string") return value;
    return this.#delta(readTranscript(this.#method, value).text);
  }

  /** The last event; null where the model has sent it. */
  end(): unknown {
    return this.#isDone ? null : { type: "transcript.text.done", text: this.#text };
  }

  #delta(delta: string): unknown {
    this.#text += delta;
    return { type: "transcript.text.delta", delta };
  }
}

function readTranscript(method: string, output: unknown): Transcript {
  if (typeof output === "string") return { text: output };
  // A stream that is asked for as a whole.
  if (Array.isArray(output)) return gathered(method, output);
  const { text } = (output ?? {}) as { text?: unknown };
  if (typeof text === "string") return output as Transcript;
  throw new TypeError(`${method} returned neither a text nor an object with a text`);
}

function gathered(method: string, items: unknown[]): Transcript {
  let text = "";
  for (const item of items) {
    const event = (item ?? {}) as { type?: unknown; delta?: unknown };
    if (event.type === "transcript.text.done") return readTranscript(method, item);
    if (event.type === "transcript.text.delta") text += String(event.delta);
    else if (typeof event.type !== "string") text += readTranscript(method, item).text;
  }
  return { text };
}

function briefly(transcript: Transcript): unknown {
  const more = JSON_FIELDS.filter((name) => transcript[name] !== undefined);
  return { text: transcript.text, ...Object.fromEntries(more.map((name) => [name, transcript[name]])) };
}

function verbosely(method: string, transcript: Transcript): unknown {
  const task = method === "translations" ? "translate" : "transcribe";
  const duration = transcript.segments?.at(-1)?.end ?? 0;
  return { task, language: "", duration, segments: [], ...transcript };
}

function segmentsOf({ segments }: Transcript, format: string): Segment[] {
  if (!Array.isArray(segments)) {
    throw new InputError(
      "INVALID_INPUT",
      `Input: response_format: the model tells no times, which ${format} needs; ask for json or text`,
    );
  }
  return segments.map((segment) => {
    const { start, end, text } = (segment ?? {}) as Partial<Record<keyof Segment, unknown>>;
    if (Number.isFinite(start) && Number.isFinite(end) && typeof text === "string") return segment;
    throw new TypeError("A segment of the transcript has no start, end or text");
  });
}

function srt(segments: Segment[]): string {
  const cue = ({ start, end, text }: Segment, i: number): string =>
    `${i + 1}\n${clock(start, ",")} --> ${clock(end, ",")}\n${cueText(text)}\n\n`;
  return segments.map(cue).join("");
}

function vtt(segments: Segment[]): string {
  const cue = ({ start, end, text }: Segment): string =>
    `${clock(start, ".")} --> ${clock(end, ".")}\n${cueText(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;")}\n\n`;
  return `WEBVTT\n\n${segments.map(cue).join("")}`;
}

/** A blank line would end the cue, an arrow would look like the times of another one. */
function cueText(text: string): string {
  return text
    .trim()
    .replaceAll(/\s*[\r\n]+\s*/g, "\n")
    .replaceAll("-->", "->");
}

function clock(seconds: number, point: string): string {
  const ms = Math.max(0, Math.round(seconds * 1000));
  const two = (value: number): string => String(Math.floor(value)).padStart(2, "0");
  const whole = `${two(ms / 3_600_000)}:${two((ms / 60_000) % 60)}:${two((ms / 1000) % 60)}`;
  return `${whole}${point}${String(ms % 1000).padStart(3, "0")}`;
}

function textBody(text: string, type = "text/plain"): ReturnType<Reply["encode"]> {
  return { contentType: `${type}; charset=utf-8`, body: Buffer.from(text) };
}

function jsonBody(value: unknown): ReturnType<Reply["encode"]> {
  return { contentType: "application/json", body: Buffer.from(JSON.stringify(value)) };
}
