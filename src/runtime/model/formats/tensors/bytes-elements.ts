import { isUtf8 } from "node:buffer";

const LENGTH_BYTES = 4;

/**
 * The elements of a BYTES tensor from their binary form, each with its length before it. Texts where all of them are
 * UTF-8, otherwise bytes: a model that works on texts need not know how its caller sent them.
 */
export function readBytesElements(bytes: Buffer, fail: (problem: string) => never): string[] | Uint8Array[] {
  const elements: Buffer[] = [];
  for (let at = 0; at < bytes.byteLength;) {
    const start = at + LENGTH_BYTES;
    const end = start <= bytes.byteLength ? start + bytes.readUInt32LE(at) : Infinity;
    if (end > bytes.byteLength) fail(`has binary data that ends inside its element ${elements.length}`);
    elements.push(bytes.subarray(start, end));
    at = end;
  }
  return elements.every((element) => isUtf8(element)) ? elements.map(String) : elements;
}

export function writeBytesElements(elements: readonly (string | Uint8Array)[]): Buffer {
  const pieces: Uint8Array[] = [];
  for (const element of elements) {
    const bytes = typeof element === "string" ? Buffer.from(element) : element;
    const length = Buffer.allocUnsafe(LENGTH_BYTES);
    length.writeUInt32LE(bytes.byteLength);
    pieces.push(length, bytes);
  }
  return Buffer.concat(pieces);
}
