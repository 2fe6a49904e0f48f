import { datatypeOf, DATATYPES, type NumericArray } from "./datatypes.ts";
import { asTensor, type Tensor } from "./tensor.ts";

const TAKEN =
  "an output is a tensor ({ datatype, shape, data }), a typed array, a number, a boolean, a string, or nested lists of one of them";

/** What a method returned, as named tensors. A value without a name is called as the caller calls its one output. */
export function outputTensors(output: unknown, onlyName = "output"): Map<string, Tensor> {
  if (!isNamed(output)) return new Map([[onlyName, toTensor(output, "the value")]]);
  const tensors = new Map<string, Tensor>();
  for (const [name, value] of Object.entries(output))
    if (value !== undefined) tensors.set(name, toTensor(value, `the value at ${name}`));
  return tensors;
}

function isNamed(output: unknown): output is Record<string, unknown> {
  if (typeof output !== "object" || output === null) return false;
  if (Array.isArray(output) || ArrayBuffer.isView(output) || output instanceof ArrayBuffer) return false;
  // A map of tensors may well have outputs of these names.
  const { data, shape, dims } = output as Record<string, unknown>;
  return data === undefined || !(Array.isArray(shape) || Array.isArray(dims));
}

function toTensor(value: unknown, where: string): Tensor {
  if (value instanceof ArrayBuffer) return toTensor(new Uint8Array(value), where);
  const datatype = datatypeOf(value);
  if (datatype !== undefined)
    return { datatype, shape: [(value as NumericArray).length], data: value as NumericArray };
  if (Array.isArray(value)) return fromNested(value, where);
  if (isScalar(value)) return fromNested([value], where);
  let tensor: Tensor | null;
  try {
    tensor = asTensor(value);
  } catch (error) {
    throw new TypeError(`${where} ${(error as Error).message}`, { cause: error });
  }
  if (tensor !== null) return tensor;
  throw new TypeError(`${where} is ${describe(value)}; ${TAKEN}`);
}

/** Lists of numbers become FP64 whatever the numbers, so that the datatype does not hang on the values. */
function fromNested(list: unknown[], where: string): Tensor {
  const shape = shapeOf(list);
  const leaves: unknown[] = [];
  collect(list, { shape, depth: 0, where, leaves });
  const [first] = leaves;
  if (datatypeOf(first) !== undefined) return fromRows(leaves as NumericArray[], shape, where);
  const other = leaves.findIndex((leaf) => typeof leaf !== typeof first);
  if (other !== -1)
    throw new TypeError(
      `${where} has ${describe(leaves[other])} as element ${other} among values of type ${typeof first}`,
    );
  if (leaves.length > 0 && !isScalar(first))
    throw new TypeError(`${where} holds ${describe(first)}; ${TAKEN}`);
  switch (typeof first) {
    case "string":
      return { datatype: "BYTES", shape, data: leaves as string[] };
    case "boolean":
      return { datatype: "BOOL", shape, data: Uint8Array.from(leaves as boolean[], Number) };
    case "bigint":
      return { datatype: "INT64", shape, data: BigInt64Array.from(leaves as bigint[]) };
    default:
      return { datatype: "FP64", shape, data: Float64Array.from(leaves as number[]) };
  }
}

/** Rows that are typed arrays, as of a batch of embeddings. */
function fromRows(rows: NumericArray[], shape: number[], where: string): Tensor {
  const datatype = datatypeOf(rows[0]) as string;
  const [{ length }] = rows as [NumericArray];
  const bytes = Buffer.concat(
    rows.map((row, i) => {
      if (datatypeOf(row) !== datatype || row.length !== length)
        throw new TypeError(`${where} has rows of different kinds or lengths: row ${i} is not as row 0`);
      return new Uint8Array(row.buffer, row.byteOffset, row.byteLength);
    }),
  );
  const { array } = DATATYPES[datatype] as (typeof DATATYPES)[string];
  const whole = new Uint8Array(bytes);
  return { datatype, shape: [...shape, length], data: new array(whole.buffer) };
}

/** By the first element of each list; the rest must be alike. */
function shapeOf(list: unknown[]): number[] {
  const shape: number[] = [];
  for (let at: unknown = list; Array.isArray(at) && shape.length < 64; at = at[0]) shape.push(at.length);
  return shape;
}

function collect(
  value: unknown,
  at: { shape: number[]; depth: number; where: string; leaves: unknown[] },
): void {
  const { shape, depth, where, leaves } = at;
  if (depth === shape.length && !Array.isArray(value)) return void leaves.push(value);
  if (!Array.isArray(value) || value.length !== shape[depth])
    throw new TypeError(
      `${where} has lists of different lengths: it is no tensor of shape ${JSON.stringify(shape)}`,
    );
  const inner = { ...at, depth: depth + 1 };
  for (const item of value) collect(item, inner);
}

function isScalar(value: unknown): boolean {
  return ["number", "string", "boolean", "bigint"].includes(typeof value);
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value !== "object") return `a ${typeof value}`;
  const tag = Object.prototype.toString.call(value).slice(8, -1);
  return tag === "Object" ? "an object" : `a ${tag}`;
}
