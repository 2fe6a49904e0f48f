import { HttpError } from "purlin";
import type { ChatRequest } from "./openai-request.ts";

/** What the responses route understands of a request; other keys are ignored. */
export interface ResponsesRequest {
  model?: string;
  input?: string | ResponsesItem[];
  instructions?: string | null;
  max_output_tokens?: number | null;
  temperature?: number | null;
  top_p?: number | null;
  stream?: boolean | null;
  tool_choice?: unknown;
}

interface ResponsesItem {
  type?: string;
  role?: string;
  content?: string | { type: string; text?: string }[];
  name?: string;
  arguments?: string;
  call_id?: string;
  output?: unknown;
}

const TEXT_PARTS = ["input_text", "output_text", "text"];

/** The same conversation as the chat route has it. Throws a 400 that names the parameter. */
export function asChatRequest(request: ResponsesRequest): ChatRequest {
  const { input, instructions } = request;
  const items = typeof input === "string" ? [{ role: "user", content: input }] : input;
  if (!Array.isArray(items)) throw invalid("input", "must be a string or a list of items");
  const messages = items.flatMap((item, i) => messageOf(item, `input[${i}]`));
  if (typeof instructions === "string") messages.unshift({ role: "system", content: instructions });
  return {
    messages,
    tool_choice: request.tool_choice,
    ...(request.model === undefined ? {} : { model: request.model }),
    max_completion_tokens: request.max_output_tokens ?? null,
    temperature: request.temperature ?? null,
    top_p: request.top_p ?? null,
    stream: request.stream ?? null,
  };
}

function messageOf(item: ResponsesItem, path: string): ChatRequest["messages"] {
  switch (item?.type ?? "message") {
    case "message":
      return [{ role: item.role ?? "", content: contentOf(item.content, `${path}.content`) }];
    case "function_call": {
      const call = { id: item.call_id, function: { name: item.name, arguments: item.arguments } };
      return [{ role: "assistant", content: null, tool_calls: [call] }];
    }
    case "function_call_output": {
      const { output } = item;
      const content = typeof output === "string" ? output : JSON.stringify(output ?? null);
      return [{ role: "tool", tool_call_id: item.call_id, content }];
    }
    case "reasoning":
      return [];
    default:
      throw invalid(`${path}.type`, "must be message, function_call, function_call_output or reasoning");
  }
}

function contentOf(content: ResponsesItem["content"], path: string): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) throw invalid(path, "must be a string or a list of text parts");
  if (content.some((part) => !TEXT_PARTS.includes(part?.type))) throw invalid(path, "may hold text only");
  return content.map((part) => part.text ?? "").join("");
}

function invalid(param: string, rule: string): HttpError {
  return new HttpError(400, {
    message: `${param} ${rule}`,
    type: "invalid_request_error",
    param,
    code: null,
  });
}
