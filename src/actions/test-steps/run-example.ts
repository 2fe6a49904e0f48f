import { callModel } from "../../client/call-model.ts";
import { readErrorAnswer } from "../../client/read-error-answer.ts";
import { isAppError } from "../../errors.ts";
import { compareOutput } from "../../protocol/compare-output.ts";
import type { Config, Example } from "../../protocol/config.ts";
import { METHOD_PATHS } from "../../protocol/method-paths.ts";

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
  signal: AbortSignal | undefined;
}

/** Sends an example as a client would and compares what comes back. Throws only where it was stopped. */
export async function runExample(
  example: Example,
  { address, config, signal }: ExampleCall,
): Promise<ExampleResult> {
  const { name, method } = example;
  const startedAt = performance.now();
  const result = (ok: boolean, status: number | null, reason: string | null): ExampleResult => ({
    name,
    method,
    ok,
    duration_ms: Math.round((performance.now() - startedAt) * 100) / 100,
    status,
    reason,
    compared: "output" in example,
  });
  const call = {
    address,
    path: METHOD_PATHS[method],
    headers: { "content-type": "application/json", accept: "application/json" },
    body: JSON.stringify(example.input ?? null),
    // Above the model's own limit: its answer says more than ours.
    timeoutMs: Math.max(TIMEOUT_MS, (config.runtime.predict_timeout_seconds ?? 0) * 1000 + 10_000),
    signal,
  };
  try {
    return await callModel(call, async ({ status, requestId, body }) => {
      const text = await readText(body);
      if (status >= 400)
        return result(false, status, readErrorAnswer({ status, requestId, body: text }).message);
      const difference = "output" in example ? compareOutput(parse(text), example.output) : null;
      return result(difference === null, status, difference);
    });
  } catch (error) {
    if (!isAppError(error)) throw error;
    return result(false, null, error.message);
  }
}

async function readText(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

/** Text that is no JSON is compared as text. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
