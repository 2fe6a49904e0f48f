import { BodyFormat } from "../channel/body-format.ts";
import { METHODS } from "../../protocol/methods.ts";
import { errorAnswer, thrownAnswer, type Answer } from "./answer.ts";
import { noteWishes } from "./client-wishes.ts";
import { readFormFields } from "./form-fields.ts";
import { loadFormat } from "./formats/load-format.ts";
import { type Decoded, isInputError, type WireFormat } from "./formats/wire-format.ts";
import { headerValue, type Job } from "./job.ts";
import type { ModelShape } from "./model-class.ts";
import { ModelRequest } from "./model-request.ts";
import { validate, type Validated, type Violation } from "./validate.ts";

/** Who goes on with an input, or with the answer for a request that has no good one. */
export interface InputTaker {
  take: (input: unknown) => void;
  refuse: (answer: Answer) => void;
}

/** Parses and checks the input of the job's method; what can be done at once is done without a turn of the loop. */
export function decodeInput(job: Job, shape: ModelShape, taker: InputTaker): void {
  const method = METHODS[job.head.method] as string;
  if (job.head.format !== BodyFormat.PLAIN) return decodeFormatted(job, shape, taker);
  if (shape.raw.has(method)) return taker.take(job.head.body);
  let input: unknown;
  try {
    input = JSON.parse(job.head.body.toString());
  } catch (error) {
    const why = job.head.body.byteLength === 0 ? "the body is empty" : (error as Error).message;
    return taker.refuse(errorAnswer(job, "INVALID_JSON", `Invalid JSON payload: ${why}`));
  }
  checkInput(job, shape, { ...taker, input });
}

function decodeFormatted(job: Job, shape: ModelShape, taker: InputTaker): void {
  const { body, url, headers } = job.head;
  const refuse = (error: unknown): void =>
    taker.refuse(
      isInputError(error) ? errorAnswer(job, error.code, error.message) : thrownAnswer(job, error),
    );
  const use = ({ input, reply, inference }: Decoded): void => {
    job.reply = reply;
    // Outputs of the Open Inference Protocol are whole.
    if (reply !== null && reply.item === undefined) job.wants = "gathered";
    if (inference !== undefined) ModelRequest.setInference(job.request, inference);
    checkInput(job, shape, { ...taker, input });
  };
  const decode = (format: WireFormat): void => {
    let decoded: Decoded | Promise<Decoded>;
    try {
      decoded = format.decode({ body, url, header: (name) => headerValue(headers, name) });
    } catch (error) {
      return refuse(error);
    }
    if (decoded instanceof Promise) decoded.then(use, refuse);
    else use(decoded);
  };
  const format = loadFormat(job.head.format);
  if (format instanceof Promise) format.then(decode, refuse);
  else decode(format);
}

function checkInput(job: Job, shape: ModelShape, taker: InputTaker & { input: unknown }): void {
  const { take, refuse } = taker;
  const input = readFormFields(job.head.method, taker.input);
  try {
    noteWishes(job, input);
  } catch (error) {
    return refuse(
      isInputError(error) ? errorAnswer(job, error.code, error.message) : thrownAnswer(job, error),
    );
  }
  const schema = shape.inputSchema.get(METHODS[job.head.method] as string);
  if (schema === undefined) return take(input);
  const go = (result: Validated): void => {
    if (result.ok) take(result.value);
    else refuse(errorAnswer(job, "INVALID_INPUT", inputMessage(result.violations), result.violations));
  };
  const failed = (error: unknown): void => refuse(thrownAnswer(job, error));
  let result: Validated | Promise<Validated>;
  try {
    result = validate(schema, input);
  } catch (error) {
    return failed(error);
  }
  if (result instanceof Promise) result.then(go, failed);
  else go(result);
}

function inputMessage(violations: Violation[]): string {
  const first = violations[0];
  const more = violations.length > 1 ? ` (and ${violations.length - 1} more)` : "";
  return first === undefined
    ? "The input is not valid."
    : `Input: ${first.path || "(root)"}: ${first.message}${more}`;
}
