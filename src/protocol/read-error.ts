/** An error answer of ours, in whichever shape it came. */
export interface ReadError {
  /** A text; what a model gave to HttpError may be anything. */
  error: unknown;
  code?: string;
  request_id?: string;
  hint?: string;
  details?: unknown;
}

/** Null for what is no error answer of ours: a proxy in between answers with its own pages. */
export function readError(body: unknown): ReadError | null {
  if (typeof body !== "object" || body === null || !("error" in body)) return null;
  const { error, code, request_id, hint, details } = body as Record<string, unknown>;
  return {
    error: sentenceOf(error, hint),
    ...(typeof code === "string" ? { code } : {}),
    ...(typeof request_id === "string" ? { request_id } : {}),
    ...(typeof hint === "string" ? { hint } : {}),
    ...(details === undefined ? {} : { details }),
  };
}

/** The shapes of OpenAI and Anthropic have the sentence in an object, and the hint behind it. */
function sentenceOf(error: unknown, hint: unknown): unknown {
  const { message, type } = (error ?? {}) as { message?: unknown; type?: unknown };
  if (typeof message !== "string" || typeof type !== "string") return error;
  const end = ` ${String(hint)}`;
  return typeof hint === "string" && message.endsWith(end) ? message.slice(0, -end.length) : message;
}
