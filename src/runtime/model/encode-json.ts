import { findCycle } from "./find-cycle.ts";

/** A value that JSON cannot hold; the message names the path in the value. */
export class UnserializableError extends Error {}

/** Something this deep is searched for a cycle; doing that for every value would cost the usual ones. */
const SUSPECT_DEPTH = 100;
/** Thrown at that depth. */
const TOO_DEEP = new Error("too deep");

const PLAIN = 0;
const HAS_TYPED_ARRAYS = 1;

/**
 * What goes on the wire for a method's return value. Typed arrays, at any depth, become arrays of numbers
 * (64-bit ones arrays of strings), NaN and Infinity become null, `undefined` at the top becomes null.
 * Throws UnserializableError where JSON would silently lose something or cannot go on.
 */
export function encodeJson(value: unknown): string {
  try {
    const kind = inspectWhole(value);
    const json = kind === PLAIN ? JSON.stringify(value) : JSON.stringify(value, replaceTypedArrays);
    return json ?? "null";
  } catch (error) {
    if (error instanceof UnserializableError) throw error;
    throw new UnserializableError(
      error instanceof Error ? (error.message.split("\n")[0] as string) : String(error),
    );
  }
}

function inspectWhole(value: unknown): number {
  try {
    return inspect(value, "", 0);
  } catch (error) {
    if (error !== TOO_DEEP) throw error;
  }
  const cycle = findCycle(value);
  if (cycle !== null) throw new UnserializableError(`${where(cycle)} is one of the objects that hold it`);
  return inspect(value, "", -Infinity);
}

function inspect(value: unknown, path: string, depth: number): number {
  switch (typeof value) {
    case "string":
    case "number":
    case "boolean":
    case "undefined":
      return PLAIN;
    case "object":
      return value === null ? PLAIN : inspectObject(value, path, depth);
    default:
      throw new UnserializableError(`${where(path)} is a ${typeof value}`);
  }
}

function inspectObject(value: object, path: string, depth: number): number {
  if (depth > SUSPECT_DEPTH) throw TOO_DEEP;
  if (Array.isArray(value)) return inspectArray(value, path, depth);
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return HAS_TYPED_ARRAYS;
  if (typeof (value as { toJSON?: unknown }).toJSON === "function") return PLAIN;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) refuseExotic(value, path);
  let kind = PLAIN;
  for (const key in value) {
    if (!Object.hasOwn(value, key)) continue;
    const item = (value as Record<string, unknown>)[key];
    // Scalars are most of what there is: no call for them, and no path is built before it is needed.
    const type = typeof item;
    if (type === "string" || type === "number" || type === "boolean" || item === null) continue;
    if (inspect(item, path === "" ? key : `${path}.${key}`, depth + 1) !== PLAIN) kind = HAS_TYPED_ARRAYS;
  }
  return kind;
}

function inspectArray(value: unknown[], path: string, depth: number): number {
  let kind = PLAIN;
  for (let i = 0; i < value.length; i++) {
    const item = value[i];
    const type = typeof item;
    if (type === "number" || type === "string") continue;
    if (inspect(item, `${path}[${i}]`, depth + 1) !== PLAIN) kind = HAS_TYPED_ARRAYS;
  }
  return kind;
}

function refuseExotic(value: object, path: string): void {
  const tag = Object.prototype.toString.call(value).slice(8, -1);
  const lost = ["Map", "Set", "WeakMap", "WeakSet", "Promise", "RegExp", "Error", "Blob", "File", "Response"];
  if (lost.includes(tag)) throw new UnserializableError(`${where(path)} is a ${tag}`);
}

function where(path: string): string {
  return path === "" ? "the value" : `the value at ${path}`;
}

function replaceTypedArrays(this: unknown, key: string, value: unknown): unknown {
  // Buffer's toJSON has run by now: look at what the holder really has.
  const original = (this as Record<string, unknown>)[key];
  if (original instanceof ArrayBuffer) return Array.from(new Uint8Array(original));
  if (!ArrayBuffer.isView(original)) return value;
  if (original instanceof BigInt64Array || original instanceof BigUint64Array)
    return Array.from(original, String);
  if (original instanceof DataView)
    return Array.from(new Uint8Array(original.buffer, original.byteOffset, original.byteLength));
  return Array.from(original as unknown as ArrayLike<number>);
}
