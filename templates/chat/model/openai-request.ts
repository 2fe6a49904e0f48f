import { HttpError } from "purlin";
import type { Message, Sampling } from "./engine.ts";

/** What both routes understand of a request; other keys are ignored. */
export interface GenerationRequest {
  model?: string;
  max_tokens?: number | null;
  max_completion_tokens?: number | null;
  temperature?: number | null;
  top_p?: number | null;
  seed?: number | null;
  stop?: string | string[] | null;
  n?: number | null;
  stream?: boolean | null;
  stream_options?: { include_usage?: boolean } | null;
}

export interface ChatRequest extends GenerationRequest {
  messages: { role: string; content: string | { type: string; text?: string }[] | null }[];
}

export interface CompletionRequest extends GenerationRequest {
  prompt: string | string[];
}

const ROLES = { system: "system", developer: "system", user: "user", assistant: "assistant" } as const;

/** Throws a 400 that names the parameter, as OpenAI's clients expect it. */
export function readMessages({ messages }: ChatRequest): Message[] {
  if (!Array.isArray(messages) || messages.length === 0) invalid("messages", "must be a list of messages");
  return messages.map((message, i) => {
    const role = ROLES[message?.role as keyof typeof ROLES];
    if (!role) invalid(`messages[${i}].role`, `must be one of ${Object.keys(ROLES).join(", ")}`);
    const { content } = message;
    if (typeof content === "string") return { role, content };
    if (!Array.isArray(content))
      invalid(`messages[${i}].content`, "must be a string or a list of text parts");
    if (content.some((part) => part?.type !== "text"))
      invalid(`messages[${i}].content`, "may hold text only");
    return { role, content: content.map((part) => part.text ?? "").join("") };
  });
}

export function readPrompt({ prompt }: { prompt?: unknown }): string {
  const text: unknown = Array.isArray(prompt) && prompt.length === 1 ? prompt[0] : prompt;
  if (typeof text !== "string") invalid("prompt", "must be a string");
  return text;
}

export function readSampling(request: GenerationRequest, signal: AbortSignal): Sampling {
  if (request.n != null && request.n !== 1) invalid("n", "must be 1");
  return {
    maxTokens:
      number(request, "max_completion_tokens", 1, 100_000) ??
      number(request, "max_tokens", 1, 100_000) ??
      256,
    temperature: number(request, "temperature", 0, 2) ?? 0.8,
    topP: number(request, "top_p", 0, 1) ?? 1,
    seed:
      number(request, "seed", Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER) ??
      Math.floor(Math.random() * 2 ** 32),
    signal,
  };
}

export function readStops({ stop }: GenerationRequest): string[] {
  const stops = stop == null ? [] : [stop].flat();
  if (stops.some((text) => typeof text !== "string"))
    invalid("stop", "must be a string or a list of strings");
  return stops.filter((text) => text !== "");
}

function number(
  request: GenerationRequest,
  key: keyof GenerationRequest,
  min: number,
  max: number,
): number | undefined {
  const value = request[key];
  if (value == null) return undefined;
  if (typeof value !== "number" || value < min || value > max)
    invalid(key, `must be a number from ${min} to ${max}`);
  return value;
}

function invalid(param: string, rule: string): never {
  throw new HttpError(400, { message: `${param} ${rule}`, type: "invalid_request_error", param, code: null });
}
