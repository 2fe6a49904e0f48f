import { isAscii } from "node:buffer";
import { DATATYPES, datatypeOf, type Datatype, viewAs } from "../tensors/datatypes.ts";
import { elementsIn, type Tensor } from "../tensors/tensor.ts";
import { InputError } from "../wire-format.ts";
import { shown } from "../shown.ts";

const BY_NUMPY = new Map(
  Object.entries(DATATYPES).map(([datatype, kind]) => [kind.numpy, { datatype, ...kind }]),
);

/**
 * What Python's clients write for values that msgpack has no type for: arrays as msgpack-numpy does, dates and the like
 * as Truss does. Any other map is itself.
 */
export function fromPython(map: Record<string, unknown>): { value: unknown } | null {
  const { nd, data } = map;
  if (typeof nd === "boolean" && data instanceof Uint8Array && map["type"] !== undefined)
    return { value: nd ? readArray(map, data) : readScalar(map, data) };
  if (map["__dt_timedelta__"] === true && Array.isArray(data)) return { value: readTimedelta(data) };
  if (typeof data !== "string") return null;
  if (map["__dt_datetime_iso__"] === true) return { value: readDate(data) };
  const isText = ["__dt_date_iso__", "__dt_time_iso__", "__decimal__", "__uuid__"].some(
    (key) => map[key] === true,
  );
  return isText ? { value: data } : null;
}

/** A tensor's or typed array's entries as msgpack-numpy writes them; its keys are bytes on the wire. */
export function toNumpy(tensor: Tensor): [string, unknown][] | null {
  const kind = DATATYPES[tensor.datatype];
  if (kind === undefined) return null;
  const { buffer, byteOffset, byteLength } = tensor.data as unknown as Uint8Array;
  const order = kind.array.BYTES_PER_ELEMENT === 1 ? "|" : "<";
  return [
    ["nd", true],
    ["type", order + kind.numpy],
    ["kind", new Uint8Array(0)],
    ["shape", tensor.shape],
    ["data", new Uint8Array(buffer, byteOffset, byteLength)],
  ];
}

export function toPythonDate(date: Date): [string, unknown][] {
  return [
    ["__dt_datetime_iso__", true],
    ["data", date.toISOString()],
  ];
}

/** A typed array as the tensor that it is, of one side. */
export function vectorOf(value: unknown): Tensor | null {
  const datatype = datatypeOf(value);
  if (datatype === undefined) return null;
  const data = value as Float32Array;
  return { datatype, shape: [data.length], data };
}

function readArray(map: Record<string, unknown>, data: Uint8Array): Tensor {
  const { datatype, bytes, kind } = readType(map, data);
  const shape = map["shape"];
  const count = elementsIn(shape);
  if (count === null) throw invalid(`a numpy array has the shape ${shown(shape)}`);
  const expected = count * kind.array.BYTES_PER_ELEMENT;
  if (bytes.byteLength !== expected)
    throw invalid(
      `a numpy array of shape ${shown(shape)} and type ${String(map["type"])} has ${bytes.byteLength} bytes of data, not ${expected}`,
    );
  return { datatype, shape: shape as number[], data: viewAs(bytes, kind.array) };
}

function readScalar(map: Record<string, unknown>, data: Uint8Array): unknown {
  const { datatype, bytes, kind } = readType(map, data);
  if (bytes.byteLength !== kind.array.BYTES_PER_ELEMENT)
    throw invalid(`a numpy number of type ${String(map["type"])} has ${bytes.byteLength} bytes of data`);
  const [value] = viewAs(bytes, kind.array);
  return datatype === "BOOL" ? value === 1 : value;
}

function readType(
  map: Record<string, unknown>,
  data: Uint8Array,
): { datatype: string; bytes: Uint8Array; kind: Datatype } {
  const type = textOf(map["type"]);
  const kind = BY_NUMPY.get(type.slice(1));
  if (kind === undefined || !"<>|=".includes(type[0] as string))
    throw invalid(`a numpy array has the type ${shown(type)}, which no tensor here has`);
  const bytes = type.startsWith(">") ? swapped(data, kind.array.BYTES_PER_ELEMENT) : data;
  return { datatype: kind.datatype, bytes, kind };
}

/** msgpack-numpy of old writes texts as bytes. */
function textOf(value: unknown): string {
  if (value instanceof Uint8Array && isAscii(value)) return Buffer.from(value).toString("latin1");
  return typeof value === "string" ? value : shown(value);
}

function swapped(data: Uint8Array, size: number): Uint8Array {
  const copy = Buffer.from(data);
  if (data.byteLength % size !== 0) return copy;
  if (size === 2) copy.swap16();
  if (size === 4) copy.swap32();
  if (size === 8) copy.swap64();
  return copy;
}

function readDate(text: string): Date {
  // Python writes microseconds, and a time without a zone, which is taken as UTC.
  const zoned = /([zZ]|[+-]\d\d:?\d\d)$/.test(text) ? text : `${text}Z`;
  const date = new Date(zoned);
  if (Number.isNaN(date.getTime())) throw invalid(`a datetime is ${shown(text)}, which is none`);
  return date;
}

/** What Python holds at most. */
const MAX_DAYS = 999_999_999;

/** [days, seconds, microseconds] as an ISO 8601 duration, which loses nothing: P1DT2.000003S. */
function readTimedelta(parts: unknown[]): string {
  const [days, seconds, micros] = parts as [number, number, number];
  const isWhole = parts.length === 3 && [days, seconds, micros].every(Number.isSafeInteger);
  if (!isWhole || Math.abs(days) > MAX_DAYS) throw invalid(`a timedelta is ${shown(parts)}, which is none`);
  const total = (BigInt(days) * 86_400n + BigInt(seconds)) * 1_000_000n + BigInt(micros);
  const size = total < 0n ? -total : total;
  const whole = (size / 1_000_000n) % 86_400n;
  const rest = String(size % 1_000_000n)
    .padStart(6, "0")
    .replace(/0+$/, "");
  const day = size / 86_400_000_000n;
  const time = whole === 0n && rest === "" ? "" : `T${whole}${rest === "" ? "" : `.${rest}`}S`;
  return `${total < 0n ? "-" : ""}P${day === 0n && time !== "" ? "" : `${day}D`}${time}`;
}

function invalid(problem: string): InputError {
  return new InputError("INVALID_MSGPACK", `Invalid msgpack payload: ${problem}`);
}
