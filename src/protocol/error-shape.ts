import type { ErrorFamily } from "./error-family.ts";

/** What is known of an error, whoever answers with it. */
export interface ErrorFacts {
  status: number;
  code: string;
  /** One sentence, or what a model gave to HttpError. */
  error: unknown;
  requestId: string;
  hint?: string | undefined;
  details?: unknown;
}

/** The body of an error answer. Purlin's own fields stand beside those that the family's clients read. */
export function errorJson(family: ErrorFamily, facts: ErrorFacts): string {
  const { error, code, requestId, hint, details } = facts;
  const own = {
    code,
    request_id: requestId,
    ...(hint === undefined ? {} : { hint }),
    ...(details === undefined ? {} : { details }),
  };
  if (family === "plain") return JSON.stringify({ error, ...own });
  const told = tellingFields(error);
  const message = hint === undefined ? messageOf(error, told) : `${messageOf(error, told)} ${hint}`;
  if (family === "anthropic") {
    const type = textOr(told["type"], anthropicType(facts.status));
    return JSON.stringify({ type: "error", error: { ...told, type, message }, ...own });
  }
  const inner = {
    ...told,
    message,
    type: textOr(told["type"], openAiType(facts.status)),
    param: textOr(told["param"], firstPath(details)),
    code: typeof told["code"] === "number" ? told["code"] : textOr(told["code"], code),
    // Their clients hand their users this object only.
    ...(hint === undefined ? {} : { hint }),
    ...(details === undefined ? {} : { details }),
  };
  return JSON.stringify({ error: inner, ...own });
}

/** The same as the last event of a stream of server-sent events; what came before may be half an event. */
export function errorEvent(family: ErrorFamily, body: string): string {
  if (family === "openai") return `\n\ndata: ${body}\n\n`;
  if (family === "openai-responses") return responsesEvent(body);
  return `\n\nevent: error\ndata: ${body}\n\n`;
}

/** An event of the type `error` has what other answers have in `error` beside its type, too. */
function responsesEvent(body: string): string {
  const parsed = asObject(JSON.parse(body)) ?? {};
  const { message, code, param } = asObject(parsed["error"]) ?? {};
  const event = { type: "error", sequence_number: 0, message, param, ...parsed, code };
  return `\n\nevent: error\ndata: ${JSON.stringify(event)}\n\n`;
}

/** A model that knows the protocol gives the error's object, or the whole body. */
function tellingFields(error: unknown): Record<string, unknown> {
  const outer = asObject(error);
  const inner = asObject(outer?.["error"]);
  return inner !== null && "message" in inner ? inner : (outer ?? {});
}

function messageOf(error: unknown, told: Record<string, unknown>): string {
  if (typeof error === "string") return error;
  for (const name of ["message", "error", "detail"]) {
    const text = told[name];
    if (typeof text === "string" && text !== "") return text;
  }
  return JSON.stringify(error) ?? "The model gave no reason.";
}

const OPENAI_TYPES: Record<number, string> = {
  401: "authentication_error",
  403: "permission_error",
  404: "not_found_error",
  429: "rate_limit_error",
};

function openAiType(status: number): string {
  return OPENAI_TYPES[status] ?? (status >= 500 ? "server_error" : "invalid_request_error");
}

const ANTHROPIC_TYPES: Record<number, string> = {
  ...OPENAI_TYPES,
  408: "timeout_error",
  503: "overloaded_error",
  504: "timeout_error",
  529: "overloaded_error",
};

function anthropicType(status: number): string {
  return ANTHROPIC_TYPES[status] ?? (status >= 500 ? "api_error" : "invalid_request_error");
}

/** Of INVALID_INPUT: the first place that is wrong. */
function firstPath(details: unknown): string | null {
  const first: unknown = Array.isArray(details) ? details[0] : undefined;
  const path = asObject(first)?.["path"];
  return typeof path === "string" && path !== "" ? path : null;
}

function textOr<Other>(value: unknown, other: Other): string | Other {
  return typeof value === "string" && value !== "" ? value : other;
}

function asObject(value: unknown): Record<string, unknown> | null {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : null;
}
