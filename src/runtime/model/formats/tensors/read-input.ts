import { InputError } from "../wire-format.ts";
import { readBytesElements } from "./bytes-elements.ts";
import { DATATYPES, viewAs } from "./datatypes.ts";
import { readJsonData } from "./read-json-data.ts";
import { elementsIn, type Tensor } from "./tensor.ts";
import { shown } from "../shown.ts";

/** What follows the JSON part; each binary input takes its share of it, in order. */
export interface BinaryPart {
  bytes: Buffer;
  at: number;
}

/** One entry of an inference request's `inputs`. */
export function readInput(
  entry: unknown,
  index: number,
  binary: BinaryPart,
): { name: string; tensor: Tensor } {
  const { name, datatype, shape, data, parameters } = (entry ?? {}) as Record<string, unknown>;
  if (typeof name !== "string") throw invalid(`inputs[${index}] has no name`);
  const fail = (problem: string): never => {
    throw invalid(`input ${shown(name)} ${problem}`);
  };
  const kind = typeof datatype === "string" ? DATATYPES[datatype] : undefined;
  if (typeof datatype !== "string" || (kind === undefined && datatype !== "BYTES"))
    return fail(
      `has the datatype ${shown(datatype)}; there are ${[...Object.keys(DATATYPES), "BYTES"].join(", ")}`,
    );
  const count = elementsIn(shape);
  if (count === null)
    return fail(`has the shape ${shown(shape)}; it takes whole numbers that are not negative`);
  const tensor = (content: Tensor["data"]) => {
    if (content.length !== count)
      fail(`has the shape ${shown(shape)} of ${count} elements, and data of ${content.length}`);
    return { name, tensor: { datatype, shape: shape as number[], data: content } };
  };
  const size = (parameters as Record<string, unknown> | null | undefined)?.["binary_data_size"];
  if (size === undefined) {
    if (!Array.isArray(data)) return fail("has neither `data`, which is a list, nor `binary_data_size`");
    return tensor(readJsonData(data, datatype, fail));
  }
  if (data !== undefined) fail("has both `data` and `binary_data_size`");
  const left = binary.bytes.byteLength - binary.at;
  if (!Number.isSafeInteger(size) || (size as number) < 0 || (size as number) > left)
    return fail(`has the binary_data_size ${shown(size)}, of ${left} bytes that are left in the body`);
  const bytes = binary.bytes.subarray(binary.at, binary.at + (size as number));
  binary.at += bytes.byteLength;
  if (kind === undefined) return tensor(readBytesElements(bytes, fail));
  const expected = count * kind.array.BYTES_PER_ELEMENT;
  if (bytes.byteLength !== expected)
    fail(
      `has the shape ${shown(shape)} of ${datatype}, which is ${expected} bytes, and a binary_data_size of ${bytes.byteLength}`,
    );
  return tensor(viewAs(bytes, kind.array));
}

function invalid(problem: string): InputError {
  return new InputError("INVALID_INPUT", `Inference request: ${problem}.`);
}
