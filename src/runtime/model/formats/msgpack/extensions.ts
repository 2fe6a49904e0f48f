import { DATATYPES, viewAs } from "../tensors/datatypes.ts";

/**
 * Typed arrays on the wire: a msgpack extension of this type, its data the elements in little-endian order.
 * Arrays of bytes are plain msgpack `bin`. Part of the contract with clients (docs/guides/binary.md): never renumbered.
 */
export const ARRAY_TYPES: Readonly<Record<string, number>> = {
  INT8: 1,
  INT16: 2,
  UINT16: 3,
  INT32: 4,
  UINT32: 5,
  INT64: 6,
  UINT64: 7,
  FP32: 8,
  FP64: 9,
};

/** msgpack's own. */
export const TIMESTAMP_TYPE = -1;

const BY_TYPE = new Map(Object.entries(ARRAY_TYPES).map(([name, type]) => [type, DATATYPES[name]]));

/** The value of an extension, or a text that says what is wrong with it. */
export function readExtension(type: number, data: Buffer): { value: unknown } | { problem: string } {
  if (type === TIMESTAMP_TYPE) {
    const value = readTimestamp(data);
    return value === null ? { problem: `a timestamp of ${data.byteLength} bytes` } : { value };
  }
  const array = BY_TYPE.get(type)?.array;
  if (array === undefined) return { problem: `an extension of type ${type}, which means nothing here` };
  if (data.byteLength % array.BYTES_PER_ELEMENT !== 0)
    return { problem: `a ${array.name} of ${data.byteLength} bytes` };
  return { value: viewAs(data, array) };
}

function readTimestamp(data: Buffer): Date | null {
  if (data.byteLength === 4) return new Date(data.readUInt32BE(0) * 1000);
  if (data.byteLength === 8) {
    const both = data.readBigUInt64BE(0);
    return dateOf(Number(both & 0x3ffffffffn), Number(both >> 34n));
  }
  if (data.byteLength === 12) return dateOf(Number(data.readBigInt64BE(4)), data.readUInt32BE(0));
  return null;
}

function dateOf(seconds: number, nanoseconds: number): Date {
  return new Date(seconds * 1000 + Math.floor(nanoseconds / 1e6));
}

/** The shortest form that holds the milliseconds. */
export function timestampData(date: Date): Buffer {
  const ms = date.getTime();
  const seconds = Math.floor(ms / 1000);
  const nanoseconds = (ms - seconds * 1000) * 1e6;
  if (nanoseconds === 0 && seconds >= 0 && seconds < 2 ** 32) {
    const data = Buffer.allocUnsafe(4);
    data.writeUInt32BE(seconds);
    return data;
  }
  if (seconds >= 0 && seconds < 2 ** 34) {
    const data = Buffer.allocUnsafe(8);
    data.writeBigUInt64BE((BigInt(nanoseconds) << 34n) | BigInt(seconds));
    return data;
  }
  const data = Buffer.allocUnsafe(12);
  data.writeUInt32BE(nanoseconds);
  data.writeBigInt64BE(BigInt(seconds), 4);
  return data;
}
