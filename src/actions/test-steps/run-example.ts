import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { callModel } from "../../client/call-model.ts";
import { readErrorAnswer } from "../../client/read-error-answer.ts";
import { AppError, isAppError } from "../../errors.ts";
import type { Config, Example } from "../../protocol/config.ts";
import { exampleContentType, exampleInputPath } from "../../protocol/example-request.ts";
import { type ExampleAnswer, isRefusal, judgeAnswer } from "../../protocol/judge-answer.ts";
import { methodPath } from "../../protocol/methods.ts";

const TIMEOUT_MS = 600_000;

export interface ExampleResult {
  name: string;
  method: Example["method"];
  ok: boolean;
  /** From sending the input to the end of the answer. */
  duration_ms: number;
  status: number | null;
  /** Why it is not ok; null where it is. */
  reason: string | null;
  /** Whether there was an expected output to compare with. */
  compared: boolean;
}

export interface ExampleCall {
  /** Of the running model. */
  address: string;
  config: Config;
  /** Where the files lie that inputs are read from. */
  packageDir: string;
  signal: AbortSignal | undefined;
}

export interface ExampleRun {
  result: ExampleResult;
  /** Null where there was none. */
  answer: ExampleAnswer | null;
}

/** Sends an example as a client would and compares what comes back. Throws only where it was stopped. */
export async function runExample(example: Example, call: ExampleCall): Promise<ExampleRun> {
  const { name, method } = example;
  let startedAt = performance.now();
  const result = (status: number | null, reason: string | null): ExampleResult => ({
    name,
    method,
    ok: reason === null,
    duration_ms: Math.round((performance.now() - startedAt) * 100) / 100,
    status,
    reason,
    compared: "output" in example,
  });
  try {
    const body = await readExampleInput(example, call.packageDir);
    startedAt = performance.now();
    return await callModel(request(example, body, call), async ({ status, requestId, contentType, body }) => {
      const answer = { status, contentType, body: await readBytes(body) };
      if (isRefusal(answer, example)) {
        const text = answer.body.toString("utf8");
        return { result: result(status, readErrorAnswer({ status, requestId, body: text }).message), answer };
      }
      return { result: result(status, judgeAnswer(answer, example, sha256Hex)), answer };
    });
  } catch (error) {
    if (!isAppError(error)) throw error;
    return { result: result(null, error.message), answer: null };
  }
}

function request(example: Example, body: Uint8Array | string, { address, config, signal }: ExampleCall) {
  return {
    address,
    path: methodPath(example.method),
    headers: { "content-type": exampleContentType(example), accept: "application/json" },
    body,
    // Above the model's own limit: its answer says more than ours.
    timeoutMs: Math.max(TIMEOUT_MS, (config.runtime.predict_timeout_seconds ?? 0) * 1000 + 10_000),
    signal,
  };
}

/** The body that is sent: JSON, or a file of the packed data. */
export async function readExampleInput(example: Example, packageDir: string): Promise<Uint8Array | string> {
  const path = exampleInputPath(example);
  if (path === null) return JSON.stringify(example.input ?? null);
  try {
    return await readFile(join(packageDir, path));
  } catch (error) {
    throw new AppError("INPUT_INVALID", `its input_file cannot be read: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

async function readBytes(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export function sha256Hex(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
