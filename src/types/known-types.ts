import type { JsonSchema } from "../protocol/model-types.ts";

const NUMBERS: JsonSchema = { type: "array", items: { type: "number" } };
const INTEGERS: JsonSchema = { type: "array", items: { type: "integer" } };

/** What the runtime makes of these in JSON; msgpack carries typed arrays as they are, so they are never checked. */
export const KNOWN_SCHEMAS: Readonly<Record<string, JsonSchema>> = {
  Date: { type: "string", format: "date-time" },
  URL: { type: "string", format: "uri" },
  Float16Array: { ...NUMBERS, "x-typed-array": true },
  Float32Array: { ...NUMBERS, "x-typed-array": true },
  Float64Array: { ...NUMBERS, "x-typed-array": true },
  Int8Array: { ...INTEGERS, "x-typed-array": true },
  Int16Array: { ...INTEGERS, "x-typed-array": true },
  Uint16Array: { ...INTEGERS, "x-typed-array": true },
  Int32Array: { ...INTEGERS, "x-typed-array": true },
  Uint32Array: { ...INTEGERS, "x-typed-array": true },
  BigInt64Array: { type: "array", items: { type: "string" }, "x-typed-array": true },
  BigUint64Array: { type: "array", items: { type: "string" }, "x-typed-array": true },
  String: { type: "string" },
  Number: { type: "number" },
  Boolean: { type: "boolean" },
};

/** Bytes: alone they are no JSON at all, as a property of an input they are the file of a form. */
export const BINARY = new Set([
  "Uint8Array",
  "Uint8ClampedArray",
  "Buffer",
  "ArrayBuffer",
  "SharedArrayBuffer",
  "DataView",
  "Blob",
  "File",
]);

/** Whose items go out one by one. Their first type argument is the item. */
export const STREAMS = new Set([
  "Iterable",
  "Iterator",
  "IterableIterator",
  "IteratorObject",
  "Generator",
  "AsyncIterable",
  "AsyncIterator",
  "AsyncIterableIterator",
  "AsyncIteratorObject",
  "AsyncGenerator",
  "ReadableStream",
]);
