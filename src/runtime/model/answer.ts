import { errorJson } from "../../protocol/error-shape.ts";
import { WIRE_ERRORS, type WireErrorCode } from "../../protocol/error-codes.ts";
import type { FrameWriter } from "../channel/frame-writer.ts";
import { INLINE_BODY_BYTES, ToFront } from "../channel/frames.ts";
import { ContentType, writeResponse, writeTimings, type ResponseHead } from "../channel/response-frame.ts";
import type { Job } from "./job.ts";
import { asHttpError, describeThrown, type UserHttpError } from "./user-error.ts";
import { log } from "./log.ts";
import { requestScope } from "./request-scope.ts";

const NO_HEADERS: string[] = [];

export interface Answer {
  status: number;
  contentType: number;
  headers?: string[];
  code?: string;
  body: string | Uint8Array;
}

/** Sends a whole answer. Large bodies follow the head in frames of their own. */
export function sendAnswer(writer: FrameWriter, job: Job, answer: Answer): void {
  const { body } = answer;
  const head: ResponseHead = {
    status: answer.status,
    contentType: answer.contentType,
    headers: answer.headers ?? NO_HEADERS,
    bodyBytes: 0,
    timings: job.timings,
    code: answer.code ?? "",
  };
  // A string of half the limit in characters may be larger in bytes, which only costs a larger frame.
  if (body.length <= INLINE_BODY_BYTES / 2) {
    writeResponse(writer, { type: ToFront.RESPONSE, id: job.id }, { head, body });
    return;
  }
  const bytes = typeof body === "string" ? Buffer.from(body) : body;
  head.bodyBytes = bytes.byteLength;
  writeResponse(writer, { type: ToFront.RESPONSE_HEAD, id: job.id }, { head, body: null });
  writer.bytes(ToFront.BODY, job.id, bytes);
  sendEnd(writer, job);
}

export function sendEnd(writer: FrameWriter, job: Job): void {
  const { buffer, offset } = writer.frame(ToFront.END, job.id, 12);
  writeTimings(buffer, offset, job.timings);
}

/** The answer for one of our own error codes. */
export function errorAnswer(job: Job, code: WireErrorCode, error: string, details?: unknown): Answer {
  const status = WIRE_ERRORS[code];
  const facts = { status, code, error, requestId: job.head.requestId, details };
  return { status, contentType: ContentType.JSON, code, body: errorJson(job.errorFamily, facts) };
}

/** What a throw in user code becomes, and what is logged of it (contract §6). */
export function thrownAnswer(job: Job, thrown: unknown): Answer {
  const { message, stack } = describeThrown(thrown);
  const httpError = asHttpError(thrown);
  if (httpError === null) {
    job.thrown = { value: thrown };
    requestScope.run(job.scope, () => log("error", message, { code: "MODEL_ERROR", stack }));
    return errorAnswer(job, "MODEL_ERROR", "The model failed on this request; its log has the reason.");
  }
  requestScope.run(job.scope, () =>
    log("warn", `Model raised HttpError ${httpError.status}: ${message}`, { code: httpError.code, stack }),
  );
  return {
    status: httpError.status,
    contentType: ContentType.JSON,
    code: "HTTP_ERROR",
    headers: headerPairs(httpError.headers),
    body: httpErrorBody(job, httpError),
  };
}

function httpErrorBody(job: Job, { status, code, detail }: UserHttpError): string {
  const facts = { status, code, requestId: job.head.requestId };
  try {
    return errorJson(job.errorFamily, { ...facts, error: detail });
  } catch {
    const error = "The model's error detail is not serialisable.";
    return errorJson(job.errorFamily, { ...facts, error });
  }
}

/** Not passed on: what concerns one connection only, and the length, which is counted here. */
const DROPPED_HEADERS = new Set([
  "content-length",
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** Headers as the channel carries them. */
export function headerPairs(headers: Headers | Record<string, string>): string[] {
  const pairs: string[] = [];
  const add = (value: string, name: string): void => {
    // What HTTP cannot carry would end the front, not only this answer.
    if (!DROPPED_HEADERS.has(name.toLowerCase()))
      pairs.push(name, String(value).replace(/[^\t\x20-\x7e\x80-\xff]+/g, " "));
  };
  if (typeof (headers as Headers).forEach === "function") (headers as Headers).forEach(add);
  else
    for (const [name, value] of Object.entries(headers))
      if (/^[\w!#$%&'*+.^`|~-]+$/.test(name)) add(value, name);
  return pairs;
}
