import { type Decoded, type FormattedRequest, InputError, type WireFormat } from "../wire-format.ts";
import { encodeTensors, type WantedOutput } from "./encode-tensors.ts";
import { readInput } from "./read-input.ts";
import type { Tensor } from "./tensor.ts";
import { shown } from "../shown.ts";

interface InferenceRequest {
  id?: unknown;
  parameters?: unknown;
  inputs?: unknown;
  outputs?: unknown;
}

/** `POST /v2/models/{model}/infer` of the Open Inference Protocol, with its binary tensor data extension. */
export const tensorsFormat: WireFormat = { decode };

function decode(request: FormattedRequest): Decoded {
  const { body } = request;
  const headerBytes = headerLength(request);
  const parsed = parse(body.subarray(0, headerBytes));
  const binary = { bytes: body.subarray(headerBytes), at: 0 };
  const { id, inputs } = parsed;
  if (!Array.isArray(inputs)) throw invalid("`inputs` must be a list of tensors");
  if (id !== undefined && typeof id !== "string") throw invalid("`id` must be a string");
  const input: Record<string, Tensor> = {};
  inputs.forEach((entry: unknown, index) => {
    const { name, tensor } = readInput(entry, index, binary);
    if (Object.hasOwn(input, name)) throw invalid(`there are two inputs ${shown(name)}`);
    Object.defineProperty(input, name, {
      value: tensor,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  });
  const left = binary.bytes.byteLength - binary.at;
  if (left > 0) throw invalid(`${left} bytes of binary data after the last tensor belong to no input`);
  const parameters = objectOf(parsed.parameters, "parameters");
  const wanted = wantedOutputs(parsed.outputs, parameters["binary_data_output"] === true);
  const inference = { id, parameters, outputs: wanted.list?.map(({ name }) => name) };
  const encode = (output: unknown) => encodeTensors(output, { id, url: request.url, ...wanted });
  return { input, inference, reply: { encode } };
}

/** Bytes of the JSON part. */
function headerLength({ body, header }: FormattedRequest): number {
  const text = header("inference-header-content-length").trim();
  if (text === "") return body.byteLength;
  const length = /^\d+$/.test(text) ? Number(text) : Infinity;
  if (length <= body.byteLength) return length;
  throw invalid(
    `Inference-Header-Content-Length is ${shown(text)}; it must be the length of the JSON part, at most ${body.byteLength}`,
  );
}

function parse(json: Buffer): InferenceRequest {
  let value: unknown;
  try {
    value = JSON.parse(json.toString());
  } catch (error) {
    const why = json.byteLength === 0 ? "it is empty" : (error as Error).message;
    throw new InputError("INVALID_JSON", `Invalid JSON in the inference request: ${why}`);
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  throw invalid("the body must be an object with `inputs`");
}

function wantedOutputs(
  outputs: unknown,
  allBinary: boolean,
): { list: WantedOutput[] | undefined; allBinary: boolean } {
  if (outputs === undefined || outputs === null) return { list: undefined, allBinary };
  if (!Array.isArray(outputs)) throw invalid("`outputs` must be a list of outputs");
  const list = outputs.map((entry: unknown, index) => {
    const { name, parameters } = objectOf(entry, `outputs[${index}]`);
    if (typeof name !== "string") throw invalid(`outputs[${index}] has no name`);
    const { binary_data: binary } = objectOf(parameters, `outputs[${index}].parameters`);
    return { name, binary: typeof binary === "boolean" ? binary : allBinary };
  });
  // An empty list asks for nothing; Triton, too, takes it as none given.
  return { list: list.length === 0 ? undefined : list, allBinary };
}

function objectOf(value: unknown, where: string): Record<string, unknown> {
  if (value === undefined || value === null) return {};
  if (typeof value === "object" && !Array.isArray(value)) return value as Record<string, unknown>;
  throw invalid(`\`${where}\` must be an object`);
}

function invalid(problem: string): InputError {
  return new InputError("INVALID_INPUT", `Inference request: ${problem}.`);
}
