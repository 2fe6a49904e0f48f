import { ContentType } from "../channel/response-frame.ts";
import type { Answer } from "./answer.ts";
import { base64Embeddings } from "./client-wishes.ts";
import { encodeJson } from "./encode-json.ts";
import type { Job } from "./job.ts";
import { asBytes, unserializable } from "./stream-answer.ts";

/** The answer that a method's return value becomes (contract §4); streams, Responses and Blobs go other ways. */
export function encodeOutput(job: Job, output: unknown): Answer {
  const bytes = asBytes(output);
  if (bytes !== null) return { status: 200, contentType: ContentType.BYTES, body: bytes };
  try {
    return {
      status: 200,
      contentType: ContentType.JSON,
      body: encodeJson(job.base64 ? base64Embeddings(output) : output),
    };
  } catch (error) {
    return unserializable(job, error as Error);
  }
}
