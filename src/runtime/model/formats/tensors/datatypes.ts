export type NumericArray =
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | Float32Array
  | Float64Array;

interface ArrayClass {
  new (buffer: ArrayBufferLike, byteOffset?: number, length?: number): NumericArray;
  readonly BYTES_PER_ELEMENT: number;
}

export interface Datatype {
  array: ArrayClass;
  /** Its name in numpy's type strings, without the byte order. */
  numpy: string;
}

/** Datatypes of the Open Inference Protocol whose elements have a fixed size; BYTES is none of them. */
export const DATATYPES: Readonly<Record<string, Datatype>> = withoutPrototype({
  BOOL: { array: Uint8Array, numpy: "b1" },
  UINT8: { array: Uint8Array, numpy: "u1" },
  UINT16: { array: Uint16Array, numpy: "u2" },
  UINT32: { array: Uint32Array, numpy: "u4" },
  UINT64: { array: BigUint64Array, numpy: "u8" },
  INT8: { array: Int8Array, numpy: "i1" },
  INT16: { array: Int16Array, numpy: "i2" },
  INT32: { array: Int32Array, numpy: "i4" },
  INT64: { array: BigInt64Array, numpy: "i8" },
  /** Raw bits: Node 20 has no array of half floats, and onnxruntime-node takes them like this. */
  FP16: { array: Uint16Array, numpy: "f2" },
  FP32: { array: Float32Array, numpy: "f4" },
  FP64: { array: Float64Array, numpy: "f8" },
});

/** Names come from callers: `constructor` is none. */
function withoutPrototype<T>(table: Record<string, T>): Record<string, T> {
  return Object.assign(Object.create(null) as Record<string, T>, table);
}

/** By the array's tag: the classes may be another realm's. */
const BY_TAG: Readonly<Record<string, string>> = {
  Uint8Array: "UINT8",
  Uint8ClampedArray: "UINT8",
  Uint16Array: "UINT16",
  Uint32Array: "UINT32",
  BigUint64Array: "UINT64",
  Int8Array: "INT8",
  Int16Array: "INT16",
  Int32Array: "INT32",
  BigInt64Array: "INT64",
  Float16Array: "FP16",
  Float32Array: "FP32",
  Float64Array: "FP64",
};

/** The datatype of a typed array's elements, or undefined for any other value. */
export function datatypeOf(value: unknown): string | undefined {
  if (!ArrayBuffer.isView(value)) return undefined;
  return BY_TAG[(value as unknown as { [Symbol.toStringTag]?: string })[Symbol.toStringTag] ?? ""];
}

/** Little-endian bytes as an array of that kind: a view where they lie aligned, otherwise a copy. */
export function viewAs(bytes: Uint8Array, array: ArrayClass): NumericArray {
  const length = bytes.byteLength / array.BYTES_PER_ELEMENT;
  if (bytes.byteOffset % array.BYTES_PER_ELEMENT === 0)
    return new array(bytes.buffer, bytes.byteOffset, length);
  const copy = new Uint8Array(bytes.byteLength);
  copy.set(bytes);
  return new array(copy.buffer);
}

export function bytesOf(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}
