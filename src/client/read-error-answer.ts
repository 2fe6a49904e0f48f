import { AppError } from "../errors.ts";
import { readError, type ReadError } from "../protocol/read-error.ts";

export interface ErrorAnswer {
  status: number;
  requestId: string | null;
  /** Text of the body. */
  body: string;
}

/** Hints for codes that the caller can do something about. */
const HINTS: Record<string, string> = {
  MODEL_NOT_READY: "Wait until the server says ready.",
  MODEL_LOAD_FAILED: "The server's log has the reason; mend it and start again.",
  METHOD_NOT_IMPLEMENTED: "Another method may be there: --method predict",
  MODEL_ERROR: "The server's log has the message and the stack under the request id.",
  MODEL_CRASHED: "The server's log has the reason under the request id.",
  UNSERIALIZABLE_OUTPUT: "The server's log names the place in the value.",
  OVERLOADED: "Try again later.",
};

/** An error answer of a model as an AppError: status, the server's code, its sentence and the request id. */
export function readErrorAnswer({ status, requestId, body }: ErrorAnswer): AppError {
  const wire = parseWireError(body);
  const id = wire.request_id ?? requestId;
  const code = wire.code ?? null;
  const text = typeof wire.error === "string" ? wire.error : JSON.stringify(wire.error);
  const hint = code === null ? undefined : HINTS[code];
  return new AppError(
    "ERROR_ANSWER",
    `The model answered ${[status, code].filter((part) => part !== null).join(" ")}: ${text}${id ? ` (request ${id})` : ""}`,
    {
      ...(hint === undefined ? {} : { hint }),
      problems: problemsOf(wire.details),
      data: {
        status,
        server_code: code,
        request_id: id,
        server_error: wire.error,
        details: wire.details ?? null,
      },
    },
  );
}

function parseWireError(body: string): ReadError {
  try {
    const read = readError(JSON.parse(body));
    if (read !== null) return read;
  } catch {
    // A proxy in between answers with its own pages.
  }
  return { error: body.trim().slice(0, 500) || "an empty body" };
}

/** Details of INVALID_INPUT: paths and messages. */
function problemsOf(details: unknown): { message: string }[] {
  if (!Array.isArray(details)) return [];
  return details.flatMap((detail: unknown) => {
    if (typeof detail !== "object" || detail === null) return [];
    const { path, message } = detail as Record<string, unknown>;
    if (typeof message !== "string") return [];
    const place = Array.isArray(path) ? path.join(".") : typeof path === "string" ? path : "";
    return [{ message: place ? `${place}: ${message}` : message }];
  });
}
