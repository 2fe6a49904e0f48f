import { isPredict, methodRow, METHODS } from "../../protocol/methods.ts";
import type { Job } from "./job.ts";
import { TranscriptEvents, transcriptReply } from "./transcript.ts";

const DONE = "data: [DONE]\n\n";

/**
 * What OpenAI's and Anthropic's clients ask for in the body of a request. They send `Accept: application/json`
 * also when they want a stream, and want embeddings as base64 unless their user said otherwise.
 */
export function noteWishes(job: Job, input: unknown): void {
  const row = methodRow(job.head.method);
  if (row?.transcript) noteTranscript(job, row.name, input);
  if (isPredict(job.head.method) || typeof input !== "object" || input === null) return;
  const wishes = input as Partial<Record<"stream" | "stream_format" | "encoding_format", unknown>>;
  const { stream, stream_format: streamFormat, encoding_format: encoding } = wishes;
  // Of speech, whose streams are bytes unless events are asked for.
  if (stream === true || streamFormat === "sse") job.wants = "sse";
  job.base64 = encoding === "base64" && METHODS[job.head.method] === "embeddings";
}

/** A transcript is whole, or a stream of events: pieces without either are of no use to its clients. */
function noteTranscript(job: Job, method: string, input: unknown): void {
  job.reply = transcriptReply(method, input);
  const { stream } = (input ?? {}) as { stream?: unknown };
  job.wants = stream === true ? "sse" : "gathered";
  if (stream === true) job.transcript = new TranscriptEvents(method);
}

/** One object of a stream as a server-sent event of its route's protocol. */
export function sseFrame(job: Job, value: unknown, json: string): string {
  const type = (value as { type?: unknown } | null)?.type;
  // Anthropic's clients go by the event's name.
  const named =
    methodRow(job.head.method)?.events === "named" && typeof type === "string" && /^[\w.-]+$/.test(type);
  return `${named ? `event: ${type}\n` : ""}data: ${json}\n\n`;
}

/** What ends a stream whose last item was an object; a model that frames its events itself says it itself. */
export function sseEnd(job: Job): string {
  return methodRow(job.head.method)?.events === "done" ? DONE : "";
}

/** `{data: [{embedding: number[]}]}` with each vector as the base64 of its 32-bit floats. */
export function base64Embeddings(output: unknown): unknown {
  const { data } = (output ?? {}) as { data?: unknown };
  return Array.isArray(data) ? { ...(output as object), data: data.map(withBase64) } : output;
}

function withBase64(row: unknown): unknown {
  const { embedding } = (row ?? {}) as { embedding?: unknown };
  const isVector = Array.isArray(embedding) || (ArrayBuffer.isView(embedding) && "length" in embedding);
  if (!isVector) return row;
  const { buffer } = Float32Array.from(embedding as ArrayLike<number>);
  return { ...(row as object), embedding: Buffer.from(buffer).toString("base64") };
}
