import { ContentType } from "../channel/response-frame.ts";
import { errorAnswer, type Answer } from "./answer.ts";
import { base64Embeddings } from "./client-wishes.ts";
import { encodeJson } from "./encode-json.ts";
import { isInputError, type Reply } from "./formats/wire-format.ts";
import type { Job } from "./job.ts";
import { log } from "./log.ts";
import { asBytes, snapshot } from "./output-kind.ts";
import { requestScope } from "./request-scope.ts";

/** The answer that a method's return value becomes (contract §4); streams, Responses and Blobs go other ways. */
export function encodeOutput(job: Job, output: unknown): Answer {
  try {
    if (job.reply !== null) return formatted(job.reply, output);
    const bytes = asBytes(output);
    if (bytes !== null) return { status: 200, contentType: ContentType.BYTES, body: snapshot(bytes) };
    const body = encodeJson(job.base64 ? base64Embeddings(output) : output);
    return { status: 200, contentType: ContentType.JSON, body };
  } catch (error) {
    return isInputError(error)
      ? errorAnswer(job, error.code, error.message)
      : unserializable(job, error as Error);
  }
}

function formatted(reply: Reply, output: unknown): Answer {
  const { contentType, headers = [], body } = reply.encode(output);
  return {
    status: 200,
    contentType: ContentType.HEADERS,
    headers: ["content-type", contentType, ...headers],
    body,
  };
}

/** The place of what cannot be sent is for the log. */
export function unserializable(job: Job, error: Error): Answer {
  requestScope.run(job.scope, () =>
    log("error", `The model's output cannot be sent: ${error.message}`, {
      code: "UNSERIALIZABLE_OUTPUT",
    }),
  );
  return errorAnswer(
    job,
    "UNSERIALIZABLE_OUTPUT",
    "The model's output cannot be sent; its log has the place.",
  );
}
