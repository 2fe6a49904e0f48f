import { compareOutput } from "../../protocol/compare-output.ts";
import type { Config, Example } from "../../protocol/config.ts";
import { RUNTIME_ENV } from "../../protocol/runtime-env.ts";
import { BodyFormat } from "../channel/body-format.ts";
import { FrameReader } from "../channel/frame-reader.ts";
import { METHODS, ToFront } from "../channel/frames.ts";
import { FrameWriter } from "../channel/frame-writer.ts";
import { readResponse } from "../channel/response-frame.ts";
import type { Socket } from "node:net";
import { Executor, type ExecutorOptions } from "./executor.ts";
import { Job } from "./job.ts";
import type { ModelShape } from "./model-class.ts";
import { describeThrown } from "./user-error.ts";

/** Those of the config, unless the process was told to skip them. */
export function runConfiguredExamples(
  config: Config,
  model: { instance: object; shape: ModelShape },
  validateOutput: boolean,
): Promise<void> {
  const examples = process.env[RUNTIME_ENV.examples] === "skip" ? [] : config.examples;
  const { predict_concurrency: concurrency, batching } = config.runtime;
  const isolateErrors = batching?.isolate_errors === true;
  return runExamples(examples, model, { concurrency, isolateErrors, validateOutput });
}

/**
 * The warm-up: every example goes through the model as a request would. Throws for the first one whose answer
 * is an error or not the expected output.
 */
export async function runExamples(
  examples: readonly Example[],
  model: { instance: object; shape: ModelShape },
  options: Omit<ExecutorOptions, "writer">,
): Promise<void> {
  for (const example of examples) {
    const answer = await runExample(example, model, options);
    const { thrown } = answer;
    if (thrown !== null) {
      const { message } = describeThrown(thrown.value);
      throw new Error(`example "${example.name}" failed: ${message}`, { cause: thrown.value });
    }
    if (answer.status >= 400) {
      throw new Error(`example "${example.name}" was answered with ${answer.status}: ${brief(answer.body)}`);
    }
    if (!("output" in example)) continue;
    const difference = compareOutput(parse(answer.body), example.output);
    if (difference !== null) throw new Error(`example "${example.name}": ${difference}`);
  }
}

/** Runs one request against an executor of its own, whose frames are read back instead of sent. */
function runExample(
  example: Example,
  model: { instance: object; shape: ModelShape },
  options: Omit<ExecutorOptions, "writer">,
): Promise<{ status: number; body: string; thrown: Job["thrown"] }> {
  return new Promise((resolve) => {
    let status = 0;
    const pieces: Buffer[] = [];
    const job = exampleJob(example);
    const finish = (): void =>
      resolve({ status, body: Buffer.concat(pieces).toString("utf8"), thrown: job.thrown });
    const reader = new FrameReader((type, id, payload) => {
      if (type === ToFront.RESPONSE || type === ToFront.RESPONSE_HEAD) {
        const { head, bodyStart } = readResponse(payload);
        status = head.status;
        pieces.push(Buffer.from(payload.subarray(bodyStart)));
        if (type === ToFront.RESPONSE) finish();
      } else if (type === ToFront.CHUNK || type === ToFront.BODY) {
        pieces.push(Buffer.from(payload));
        job.credit += Math.max(1, payload.byteLength);
        job.wake?.();
      } else if (type === ToFront.END) finish();
      else if (type === ToFront.ABORT) {
        status = 500;
        finish();
      } else if (type === ToFront.SLOT_WANTED) {
        if (model.shape.batches && example.method === "predict") executor.batch(1, [id]);
        else executor.go(id);
      }
    });
    const executor = new Executor({ ...options, writer: new FrameWriter(loopback(reader)) });
    executor.use(model.instance, model.shape);
    executor.runDirect(job);
  });
}

function loopback(reader: FrameReader): Socket {
  return {
    write: (bytes: Buffer) => {
      reader.push(bytes);
      return true;
    },
    cork() {},
    uncork() {},
    writableNeedDrain: false,
  } as unknown as Socket;
}

function exampleJob(example: Example): Job {
  const body = Buffer.from(JSON.stringify(example.input ?? null));
  return new Job(1, {
    method: METHODS.indexOf(example.method),
    format: BodyFormat.PLAIN,
    hasSlot: false,
    needsSlot: example.method === "predict",
    bodyFollows: false,
    bodyBytes: body.byteLength,
    deadline: 0,
    requestId: `example-${example.name}`,
    url: example.method === "predict" ? "/predict" : `/${example.method}`,
    httpMethod: "POST",
    headers: "content-type\napplication/json\naccept\napplication/json\nhost\nlocalhost",
    body,
  });
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return body;
  }
}

function brief(text: string): string {
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}
