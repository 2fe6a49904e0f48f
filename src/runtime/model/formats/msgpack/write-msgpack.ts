import { findCycle } from "../../find-cycle.ts";
import { bytesOf, datatypeOf } from "../tensors/datatypes.ts";
import { asTensor } from "../tensors/tensor.ts";
import { ARRAY_TYPES, TIMESTAMP_TYPE, timestampData } from "./extensions.ts";
import { PackedBytes } from "./packed-bytes.ts";
import { toNumpy, toPythonDate, vectorOf } from "./python-objects.ts";

/** What is this deep is looked through for a cycle before it goes on, up to the last. */
const SUSPECT_DEPTH = 100;
const MAX_DEPTH = 1000;

/** How values without a msgpack type are written: as extensions, or as Python's clients know them. */
export type Dialect = "extensions" | "python";

/**
 * A value as msgpack. `undefined` is nil, and left out of objects, as in JSON. Throws an Error that names the place of
 * what msgpack cannot hold. Of our own for the keys in bytes that Python asks for, the place in errors, and large
 * arrays that are copied once.
 */
export function writeMsgpack(value: unknown, dialect: Dialect): Uint8Array {
  const writer = new Writer(value, dialect);
  writer.value(value);
  return writer.out.whole();
}

class Writer {
  readonly out = new PackedBytes();
  readonly #root: unknown;
  readonly #dialect: Dialect;
  readonly #path: (string | number)[] = [];

  constructor(root: unknown, dialect: Dialect) {
    this.#root = root;
    this.#dialect = dialect;
  }

  value(value: unknown): void {
    const { out } = this;
    switch (typeof value) {
      case "string":
        return out.text(value);
      case "number":
        return out.number(value);
      case "boolean":
        return out.byte(value ? 0xc3 : 0xc2);
      case "undefined":
        return out.byte(0xc0);
      case "bigint":
        if (BigInt.asIntN(64, value) !== value && BigInt.asUintN(64, value) !== value)
          this.#refuse("is a bigint of more than 64 bits");
        return out.bigint(value);
      case "object":
        return value === null ? out.byte(0xc0) : this.#object(value);
      default:
        return this.#refuse(`is a ${typeof value}`);
    }
  }

  #object(value: object): void {
    if (this.#path.length === SUSPECT_DEPTH) this.#refuseCycle();
    if (this.#path.length > MAX_DEPTH) this.#refuse(`is deeper than ${MAX_DEPTH} levels`);
    if (Array.isArray(value)) return this.#array(value);
    if (value instanceof ArrayBuffer) return this.out.bin(new Uint8Array(value));
    if (ArrayBuffer.isView(value)) return this.#view(value);
    if (value instanceof Date) return this.#date(value);
    const { toJSON } = value as { toJSON?: unknown };
    if (typeof toJSON === "function") return this.value(toJSON.call(value));
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype !== Object.prototype && prototype !== null) this.#refuseExotic(value);
    const numpy = this.#dialect === "python" ? this.#numpy(value) : null;
    if (numpy !== null) return this.#bytesKeyed(numpy);
    this.#map(value as Record<string, unknown>);
  }

  #array(array: unknown[]): void {
    this.out.array(array.length);
    for (let i = 0; i < array.length; i++) this.#at(i, array[i]);
  }

  #map(map: Record<string, unknown>): void {
    const keys = Object.keys(map);
    // Getters run once.
    const values = keys.map((key) => map[key]);
    let count = 0;
    for (const value of values) if (value !== undefined) count += 1;
    this.out.map(count);
    for (let i = 0; i < keys.length; i++) {
      if (values[i] === undefined) continue;
      this.out.text(keys[i] as string);
      this.#at(keys[i] as string, values[i]);
    }
  }

  #at(key: string | number, value: unknown): void {
    // Most are numbers and texts, which need no place.
    if (typeof value === "number") return this.out.number(value);
    if (typeof value === "string") return this.out.text(value);
    this.#path.push(key);
    this.value(value);
    this.#path.pop();
  }

  #view(view: ArrayBufferView): void {
    const datatype = datatypeOf(view);
    if (this.#dialect === "python" && !(view instanceof Uint8Array)) {
      const vector = vectorOf(view);
      if (vector !== null) return this.#bytesKeyed(toNumpy(vector) as [string, unknown][]);
    }
    const type = datatype === undefined ? undefined : ARRAY_TYPES[datatype];
    if (type === undefined) return this.out.bin(bytesOf(view));
    this.out.extension(type, bytesOf(view));
  }

  #date(date: Date): void {
    if (Number.isNaN(date.getTime())) return this.out.byte(0xc0);
    if (this.#dialect === "python") return this.#bytesKeyed(toPythonDate(date));
    this.out.extension(TIMESTAMP_TYPE, timestampData(date));
  }

  #numpy(value: object): [string, unknown][] | null {
    try {
      const tensor = asTensor(value);
      return tensor === null ? null : toNumpy(tensor);
    } catch (error) {
      return this.#refuse((error as Error).message);
    }
  }

  #bytesKeyed(entries: [string, unknown][]): void {
    this.out.map(entries.length);
    for (const [key, value] of entries) {
      this.out.bin(Buffer.from(key));
      // Bytes are bytes here: the dialect is what wrote them.
      if (value instanceof Uint8Array) this.out.bin(value);
      else this.value(value);
    }
  }

  #refuseCycle(): void {
    const cycle = findCycle(this.#root);
    if (cycle !== null) throw new TypeError(`the value at ${cycle} is one of the objects that hold it`);
  }

  #refuseExotic(value: object): void {
    const tag = Object.prototype.toString.call(value).slice(8, -1);
    if (tag !== "Object") this.#refuse(`is a ${tag}`);
  }

  #refuse(what: string): never {
    let path = "";
    for (const key of this.#path) {
      if (typeof key === "number") path += `[${key}]`;
      else path += path === "" ? key : `.${key}`;
    }
    throw new TypeError(`${path === "" ? "the value" : `the value at ${path}`} ${what}`);
  }
}
