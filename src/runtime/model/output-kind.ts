/** Told by tags, not by classes: touching the global Response would load it in every model. */
export function isResponse(value: unknown): value is Response {
  return tagOf(value) === "[object Response]";
}

export function isBlob(value: unknown): value is Blob {
  const tag = tagOf(value);
  return tag === "[object Blob]" || tag === "[object File]";
}

function tagOf(value: unknown): string {
  if (typeof value !== "object" || value === null) return "";
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === Array.prototype) return "";
  return Object.prototype.toString.call(value);
}

export type Stream = Iterable<unknown> | AsyncIterable<unknown> | ReadableStream<unknown>;

export function isStream(value: unknown): value is Stream {
  if (typeof value !== "object" || value === null || Array.isArray(value) || ArrayBuffer.isView(value))
    return false;
  if (Symbol.asyncIterator in value) return true;
  return (
    Symbol.iterator in value &&
    !(value instanceof Map) &&
    !(value instanceof Set) &&
    Object.prototype.toString.call(value) !== "[object String]"
  );
}

export function iteratorOf(stream: Stream): Iterator<unknown> | AsyncIterator<unknown> {
  if (Symbol.asyncIterator in stream) return (stream as AsyncIterable<unknown>)[Symbol.asyncIterator]();
  return (stream as Iterable<unknown>)[Symbol.iterator]();
}

/** A stream that nobody will read. */
export async function endUnused(stream: Stream): Promise<void> {
  try {
    await iteratorOf(stream).return?.();
  } catch {
    // The request has failed already, with its own reason in the log.
  }
}

/** Bytes of a binary value, without a copy, or null for any other value. */
export function asBytes(value: unknown): Uint8Array | null {
  if (value instanceof Uint8Array) return value;
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  return null;
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function"
  );
}

/** Smaller ones are copied by the writer of frames. */
const KEPT_BYTES = 16 * 1024;

/** Bytes as they are now: they may wait in the socket while the model uses its buffer for the next answer. */
export function snapshot(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength <= KEPT_BYTES ? bytes : Buffer.from(bytes);
}
