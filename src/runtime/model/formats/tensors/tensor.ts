import { DATATYPES, datatypeOf, type NumericArray } from "./datatypes.ts";
import { shown } from "../shown.ts";

/** An array with a shape. Elements of BYTES are texts where all of them are UTF-8, otherwise bytes. */
export interface Tensor {
  datatype: string;
  shape: number[];
  data: NumericArray | string[] | Uint8Array[];
}

/** onnxruntime's names for datatypes: what `session.run` returns is a tensor, too. */
const ONNX_TYPES: Readonly<Record<string, string>> = {
  bool: "BOOL",
  uint8: "UINT8",
  uint16: "UINT16",
  uint32: "UINT32",
  uint64: "UINT64",
  int8: "INT8",
  int16: "INT16",
  int32: "INT32",
  int64: "INT64",
  float16: "FP16",
  float32: "FP32",
  float64: "FP64",
  string: "BYTES",
};

/**
 * A value that is a tensor, in our words (`datatype`, `shape`, `data`) or in those of onnxruntime (`type`, `dims`,
 * `data`); null for any other. Throws where it is one whose parts do not fit each other.
 */
export function asTensor(value: unknown): Tensor | null {
  if (typeof value !== "object" || value === null || Array.isArray(value) || ArrayBuffer.isView(value))
    return null;
  const { datatype, shape, type, dims, data } = value as Record<string, unknown>;
  const sides = shape ?? dims;
  if (!Array.isArray(sides) || data === undefined || data === null) return null;
  const name = datatype ?? (typeof type === "string" ? ONNX_TYPES[type] : undefined) ?? datatypeOf(data);
  if (typeof name !== "string") return null;
  const tensor = { datatype: name, shape: sides as number[], data: data as Tensor["data"] };
  const problem = tensorProblem(tensor);
  if (problem !== null) throw new TypeError(problem);
  return tensor;
}

/** What does not fit in a tensor, as the rest of a sentence about it; null where all does. */
export function tensorProblem({ datatype, shape, data }: Tensor): string | null {
  const kind = DATATYPES[datatype];
  if (kind === undefined && datatype !== "BYTES")
    return `has the datatype ${shown(datatype)}; there are ${[...Object.keys(DATATYPES), "BYTES"].join(", ")}`;
  const count = elementsIn(shape);
  if (count === null) return `has the shape ${shown(shape)}; it takes whole numbers that are not negative`;
  if (kind === undefined ? !Array.isArray(data) : !fits(data, datatype))
    return `has data that is no ${kind === undefined ? "array of texts or bytes" : kind.array.name}, which ${datatype} takes`;
  if (data.length !== count)
    return `has the shape ${shown(shape)} of ${count} elements, and data of ${data.length}`;
  return null;
}

/** How many elements a shape holds, or null where it is none. */
export function elementsIn(shape: unknown): number | null {
  if (!Array.isArray(shape)) return null;
  let count = 1;
  for (const side of shape as unknown[]) {
    if (!Number.isSafeInteger(side) || (side as number) < 0) return null;
    count *= side as number;
  }
  return Number.isSafeInteger(count) ? count : null;
}

function fits(data: unknown, datatype: string): boolean {
  const found = datatypeOf(data);
  if (found === undefined) return false;
  // An array of bits says nothing of what they mean.
  if (datatype === "BOOL") return found === "UINT8";
  if (datatype === "FP16") return found === "UINT16" || found === "FP16";
  return found === datatype;
}
