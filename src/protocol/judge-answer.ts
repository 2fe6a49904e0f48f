import { compareOutput } from "./compare-output.ts";
import type { Example } from "./config.ts";

/** What a model answered to an example, as it came over the wire. */
export interface ExampleAnswer {
  status: number;
  contentType: string;
  body: Uint8Array;
}

export type Expectation = Pick<Example, "output" | "status" | "approx" | "cosine">;

/** Lower-case hex of the SHA-256; the caller has a library for it, this floor has none. */
export type Sha256 = (bytes: Uint8Array) => string;

/** An error answer to an example that expects none: its caller knows better than we what to say of it. */
export function isRefusal({ status }: ExampleAnswer, example: Expectation): boolean {
  return example.status === undefined && status >= 400;
}

/** How an answer differs from what its example expects, as a sentence; null where it does not. */
export function judgeAnswer(answer: ExampleAnswer, example: Expectation, sha256: Sha256): string | null {
  if (example.status !== undefined && answer.status !== example.status)
    return `it was answered with ${answer.status}, expected ${example.status}`;
  if (!("output" in example)) return null;
  const value = answerValue(answer, sha256);
  const { output, approx, cosine } = example;
  if (isBinary(answer)) return compareBytes(value as BytesValue, output, answer.contentType);
  return compareOutput(value, output, { approx, cosine });
}

export interface BytesValue {
  bytes: number;
  sha256: string;
}

/** An answer as an example's `output` would say it: JSON, a text, or for other bytes their size and digest. */
export function answerValue(answer: ExampleAnswer, sha256: Sha256): unknown {
  if (isBinary(answer)) return { bytes: answer.body.byteLength, sha256: sha256(answer.body) };
  const value = parse(new TextDecoder().decode(answer.body));
  if (answer.status < 400 || typeof value !== "object" || value === null) return value;
  // Of an error answer, this is another one each time.
  const { request_id: _id, ...rest } = value as Record<string, unknown>;
  return rest;
}

const TEXT = /^(text\/|application\/([\w.-]+\+)?(json|x-ndjson|xml|javascript|yaml)\b)/i;

/** Neither JSON nor text. */
export function isBinary({ contentType, body }: ExampleAnswer): boolean {
  return body.byteLength > 0 && !TEXT.test(contentType);
}

/** Text that is no JSON is compared as text. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** `{bytes: N}`, `{sha256: HEX}` or both. */
function compareBytes(actual: BytesValue, expected: unknown, contentType: string): string | null {
  const is = `the output is ${actual.bytes} bytes of ${contentType || "no content type"}`;
  const keys = typeof expected === "object" && expected !== null ? Object.keys(expected) : [];
  if (keys.length === 0 || keys.some((key) => key !== "bytes" && key !== "sha256"))
    return `${is}; write what is expected as {sha256: "${actual.sha256}"} or {bytes: ${actual.bytes}}`;
  const { bytes, sha256 } = expected as Partial<BytesValue>;
  if (bytes !== undefined && bytes !== actual.bytes) return `${is}, expected ${bytes}`;
  if (sha256 !== undefined && String(sha256).toLowerCase() !== actual.sha256)
    return `${is} with the SHA-256 ${actual.sha256}, expected ${sha256}`;
  return null;
}
