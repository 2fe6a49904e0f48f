import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Config, Example } from "../../protocol/config.ts";
import { exampleContentType, exampleInputPath } from "../../protocol/example-request.ts";
import { isRefusal, judgeAnswer } from "../../protocol/judge-answer.ts";
import { RUNTIME_ENV } from "../../protocol/runtime-env.ts";
import { formatOfContentType } from "../channel/body-format.ts";
import { FrameReader } from "../channel/frame-reader.ts";
import { ToFront } from "../channel/frames.ts";
import { methodNumber, methodPath } from "../../protocol/methods.ts";
import { FrameWriter } from "../channel/frame-writer.ts";
import { CONTENT_TYPES, ContentType, readResponse, type ResponseHead } from "../channel/response-frame.ts";
import type { Socket } from "node:net";
import { Executor, type ExecutorOptions } from "./executor.ts";
import { Job } from "./job.ts";
import type { ModelShape } from "./model-class.ts";
import { describeThrown } from "./user-error.ts";

export interface ExampleOptions extends Omit<ExecutorOptions, "writer"> {
  /** Where the files lie that inputs are read from. */
  packageDir: string;
}

/** Those of the config, unless the process was told to skip them. */
export function runConfiguredExamples(
  config: Config,
  model: { instance: object; shape: ModelShape },
  options: Omit<ExampleOptions, "concurrency" | "isolateErrors">,
): Promise<void> {
  const examples = process.env[RUNTIME_ENV.examples] === "skip" ? [] : config.examples;
  const { predict_concurrency: concurrency, batching } = config.runtime;
  return runExamples(examples, model, {
    packageDir: options.packageDir,
    validateOutput: options.validateOutput,
    isolateErrors: batching?.isolate_errors === true,
    concurrency,
  });
}

/**
 * The warm-up: every example goes through the model as a request would. Throws for the first one whose answer
 * is an error or not the expected output.
 */
export async function runExamples(
  examples: readonly Example[],
  model: { instance: object; shape: ModelShape },
  options: ExampleOptions,
): Promise<void> {
  for (const example of examples) {
    const answer = await runExample(example, model, options);
    const { thrown } = answer;
    if (isRefusal(answer, example)) {
      if (thrown === null) {
        const body = brief(answer.body.toString("utf8"));
        throw new Error(`example "${example.name}" was answered with ${answer.status}: ${body}`);
      }
      const { message } = describeThrown(thrown.value);
      throw new Error(`example "${example.name}" failed: ${message}`, { cause: thrown.value });
    }
    const difference = judgeAnswer(answer, example, sha256);
    if (difference !== null) throw new Error(`example "${example.name}": ${difference}`);
  }
}

/** Runs one request against an executor of its own, whose frames are read back instead of sent. */
function runExample(
  example: Example,
  model: { instance: object; shape: ModelShape },
  { packageDir, ...options }: ExampleOptions,
): Promise<{ status: number; contentType: string; body: Buffer; thrown: Job["thrown"] }> {
  return new Promise((resolve) => {
    let status = 0;
    let contentType = "";
    const pieces: Buffer[] = [];
    const job = exampleJob(example, readInput(example, packageDir), model.shape);
    const finish = (): void =>
      resolve({ status, contentType, body: Buffer.concat(pieces), thrown: job.thrown });
    const reader = new FrameReader((type, id, payload) => {
      if (type === ToFront.RESPONSE || type === ToFront.RESPONSE_HEAD) {
        const { head, bodyStart } = readResponse(payload);
        status = head.status;
        contentType = contentTypeOf(head);
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

function readInput(example: Example, packageDir: string): Buffer {
  const path = exampleInputPath(example);
  if (path === null) return Buffer.from(JSON.stringify(example.input ?? null));
  try {
    return readFileSync(join(packageDir, path));
  } catch (error) {
    const message = `example "${example.name}": its input_file cannot be read: ${(error as Error).message}`;
    throw new Error(message, { cause: error });
  }
}

function exampleJob(example: Example, body: Buffer, { raw }: ModelShape): Job {
  const contentType = exampleContentType(example);
  return new Job(1, {
    method: methodNumber(example.method),
    format: formatOfContentType(contentType, raw.has(example.method)),
    hasSlot: false,
    needsSlot: example.method === "predict",
    bodyFollows: false,
    bodyBytes: body.byteLength,
    deadline: 0,
    requestId: `example-${example.name}`,
    url: methodPath(example.method),
    httpMethod: "POST",
    headers: `content-type\n${contentType}\naccept\napplication/json\nhost\nlocalhost`,
    body,
  });
}

/** As one of those that need no header, or among the headers, which are names and values in turn. */
function contentTypeOf(head: ResponseHead): string {
  if (head.contentType !== ContentType.HEADERS) return CONTENT_TYPES[head.contentType] ?? "";
  const at = head.headers.findIndex(
    (text, index) => index % 2 === 0 && text.toLowerCase() === "content-type",
  );
  return at === -1 ? "" : (head.headers[at + 1] ?? "");
}

/** Only binary answers need it: loading it would lengthen every start. */
function sha256(bytes: Uint8Array): string {
  const { createHash } = process.getBuiltinModule("node:crypto");
  return createHash("sha256").update(bytes).digest("hex");
}

function brief(text: string): string {
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}
