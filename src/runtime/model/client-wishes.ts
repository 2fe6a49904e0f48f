import { METHODS } from "../channel/frames.ts";
import type { Job } from "./job.ts";

/** The events of these carry their type as the event's name, too; Anthropic's clients go by it. */
const NAMED_EVENTS = new Set(["messages", "responses"]);
/** Streams of these end with a word of their own. */
const ENDS_WITH_DONE = new Set(["chatCompletions", "completions"]);
const DONE = "data: [DONE]\n\n";

/**
 * What OpenAI's and Anthropic's clients ask for in the body of a request. They send `Accept: application/json`
 * also when they want a stream, and want embeddings as base64 unless their user said otherwise.
 */
export function noteWishes(job: Job, input: unknown): void {
  if (job.head.method === 0 || typeof input !== "object" || input === null) return;
  const { stream, encoding_format: encoding } = input as { stream?: unknown; encoding_format?: unknown };
  if (stream === true) job.wants = "sse";
  job.base64 = encoding === "base64" && METHODS[job.head.method] === "embeddings";
}

/** One object of a stream as a server-sent event of its route's protocol. */
export function sseFrame(job: Job, value: unknown, json: string): string {
  const type = (value as { type?: unknown } | null)?.type;
  const named = NAMED_EVENTS.has(methodOf(job)) && typeof type === "string" && /^[\w.-]+$/.test(type);
  return `${named ? `event: ${type}\n` : ""}data: ${json}\n\n`;
}

/** What ends a stream whose last item was an object; a model that frames its events itself says it itself. */
export function sseEnd(job: Job): string {
  return ENDS_WITH_DONE.has(methodOf(job)) ? DONE : "";
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

function methodOf(job: Job): string {
  return METHODS[job.head.method] as string;
}
