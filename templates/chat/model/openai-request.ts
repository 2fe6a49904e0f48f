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
  messages: ChatMessage[];
  tool_choice?: unknown;
}

interface ChatMessage {
  role: string;
  content?: string | { type: string; text?: string }[] | null;
  /** Of the assistant: the functions that it has called. */
  tool_calls?: { id?: string; function?: { name?: string; arguments?: string } }[];
  /** Of a tool: the call that its content answers. */
  tool_call_id?: string;
}

export interface CompletionRequest extends GenerationRequest {
  prompt: string | string[];
}

const ROLES = { system: "system", developer: "system", user: "user", assistant: "assistant" } as const;

/** Throws a 400 that names the parameter, as OpenAI's clients expect it. */
export function readMessages({ messages, tool_choice: choice }: ChatRequest): Message[] {
  // The engines here make text and call no functions: offers of tools are passed over, orders are refused.
  if (choice === "required" || (typeof choice === "object" && choice !== null))
    invalid("tool_choice", "must be auto or none: this model calls no tools");
  if (!Array.isArray(messages) || messages.length === 0) invalid("messages", "must be a list of messages");
  return messages.map((message, i) => {
    if (message?.role === "tool") return toolResult(message, `messages[${i}]`);
    if (message?.role === "assistant" && message.tool_calls?.length) return toolCalls(message);
    const role = ROLES[message?.role as keyof typeof ROLES];
    if (!role) invalid(`messages[${i}].role`, `must be one of ${Object.keys(ROLES).join(", ")}, tool`);
    const { content } = message;
    return { role, content: readText(content, `messages[${i}].content`) };
  });
}

function readText(content: ChatMessage["content"], path: string): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) invalid(path, "must be a string or a list of text parts");
  if (content.some((part) => part?.type !== "text")) invalid(path, "may hold text only");
  return content.map((part) => part.text ?? "").join("");
}

/** Calls and their results become text of the conversation: every engine understands that. */
function toolCalls({ content, tool_calls = [] }: ChatMessage): Message {
  const calls = tool_calls.map(({ function: called }) => `${called?.name ?? ""}(${called?.arguments ?? ""})`);
  const said = typeof content === "string" && content !== "" ? [content] : [];
  return { role: "assistant", content: [...said, ...calls].join("\n") };
}

function toolResult({ content, tool_call_id: id }: ChatMessage, path: string): Message {
  if (typeof id !== "string") invalid(`${path}.tool_call_id`, "must name the call that is answered");
  return { role: "user", content: `Result: ${readText(content, `${path}.content`)}` };
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
