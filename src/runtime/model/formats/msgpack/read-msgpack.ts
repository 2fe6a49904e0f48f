import { InputError } from "../wire-format.ts";
import { readExtension } from "./extensions.ts";

/** Nothing that people send is nested deeper; each level is a call on the stack. */
export const MAX_DEPTH = 512;

const SHORT_TEXT = 16;

export interface MsgpackReader {
  /** Called with each map when it is whole, innermost first; what it returns stands in the map's place. */
  onMap(map: Record<string, unknown>): unknown;
}

/**
 * One msgpack value. Of our own, though there are libraries, for what they do not do together: keys may be bytes, as
 * Python writes them; a 64-bit number is a number where that is exact and a bigint otherwise; numpy's arrays are told
 * from other maps on the way; and a body of a few bytes that announces billions of elements, at every level anew,
 * allocates nothing.
 */
export function readMsgpack(bytes: Buffer, { onMap }: MsgpackReader): unknown {
  if (bytes.byteLength === 0) throw invalid("the body is empty");
  const reader = new Reader(bytes, onMap);
  const value = reader.value();
  if (reader.at < bytes.byteLength)
    throw invalid(`${bytes.byteLength - reader.at} bytes follow the value, which ends at byte ${reader.at}`);
  return value;
}

class Reader {
  at = 0;
  readonly #bytes: Buffer;
  readonly #view: DataView;
  readonly #onMap: MsgpackReader["onMap"];
  #depth = 0;

  constructor(bytes: Buffer, onMap: MsgpackReader["onMap"]) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#onMap = onMap;
  }

  value(): unknown {
    const head = this.#bytes[this.#take(1)] as number;
    if (head < 0x80) return head;
    if (head < 0x90) return this.#map(head & 0x0f);
    if (head < 0xa0) return this.#array(head & 0x0f);
    if (head < 0xc0) return this.#text(head & 0x1f);
    if (head >= 0xe0) return head - 0x100;
    return this.#headed(head);
  }

  #headed(head: number): unknown {
    const view = this.#view;
    switch (head) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return this.#bin(this.#length(head - 0xc4));
      case 0xc7:
      case 0xc8:
      case 0xc9:
        return this.#extension(this.#length(head - 0xc7));
      case 0xca:
        return view.getFloat32(this.#take(4));
      case 0xcb:
        return view.getFloat64(this.#take(8));
      case 0xcc:
        return view.getUint8(this.#take(1));
      case 0xcd:
        return view.getUint16(this.#take(2));
      case 0xce:
        return view.getUint32(this.#take(4));
      case 0xcf:
        return exact(view.getBigUint64(this.#take(8)));
      case 0xd0:
        return view.getInt8(this.#take(1));
      case 0xd1:
        return view.getInt16(this.#take(2));
      case 0xd2:
        return view.getInt32(this.#take(4));
      case 0xd3:
        return exact(view.getBigInt64(this.#take(8)));
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return this.#extension(1 << (head - 0xd4));
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#text(this.#length(head - 0xd9));
      case 0xdc:
      case 0xdd:
        return this.#array(this.#length(head - 0xdb));
      case 0xde:
      case 0xdf:
        return this.#map(this.#length(head - 0xdd));
      default:
        throw invalid(`byte ${this.at - 1} is 0xc1, which begins no value`);
    }
  }

  /** Of 1, 2 or 4 bytes. */
  #length(power: number): number {
    if (power === 0) return this.#bytes[this.#take(1)] as number;
    return power === 1 ? this.#view.getUint16(this.#take(2)) : this.#view.getUint32(this.#take(4));
  }

  #array(length: number): unknown[] {
    this.#enter(length);
    // Grows with what comes: what is only announced must cost nothing.
    const array: unknown[] = [];
    for (let i = 0; i < length; i++) array.push(this.value());
    this.#depth -= 1;
    return array;
  }

  #map(length: number): unknown {
    this.#enter(length * 2);
    const map: Record<string, unknown> = {};
    for (let i = 0; i < length; i++) {
      const key = this.#key();
      const value = this.value();
      // As JSON.parse has it: a property like any other.
      if (key === "__proto__")
        Object.defineProperty(map, key, { value, enumerable: true, configurable: true, writable: true });
      else map[key] = value;
    }
    this.#depth -= 1;
    return this.#onMap(map);
  }

  #key(): string {
    const at = this.at;
    const key = this.value();
    if (typeof key === "string") return key;
    if (key instanceof Uint8Array) return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString();
    if (typeof key === "number" || typeof key === "bigint" || typeof key === "boolean") return String(key);
    throw invalid(`the key at byte ${at} is neither a text nor bytes nor a number`);
  }

  #text(length: number): string {
    const start = this.#take(length);
    const end = start + length;
    // A short text of ASCII, as keys are, is made sooner than asked for.
    if (length > SHORT_TEXT) return this.#bytes.toString("utf8", start, end);
    let text = "";
    for (let at = start; at < end; at++) {
      const code = this.#bytes[at] as number;
      if (code >= 0x80) return this.#bytes.toString("utf8", start, end);
      text += String.fromCharCode(code);
    }
    return text;
  }

  #bin(length: number): Buffer {
    const start = this.#take(length);
    return this.#bytes.subarray(start, start + length);
  }

  #extension(length: number): unknown {
    const type = this.#view.getInt8(this.#take(1));
    const read = readExtension(type, this.#bin(length));
    if ("problem" in read) throw invalid(`before byte ${this.at} is ${read.problem}`);
    return read.value;
  }

  #enter(elements: number): void {
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) throw invalid(`it is nested deeper than ${MAX_DEPTH} levels`);
    // Each is a byte at least.
    if (elements > this.#bytes.byteLength - this.at) throw this.#truncated();
  }

  /** Goes on by so many bytes, and gives where they begin. */
  #take(length: number): number {
    const start = this.at;
    if (start + length > this.#bytes.byteLength) throw this.#truncated();
    this.at = start + length;
    return start;
  }

  #truncated(): InputError {
    return invalid(`it ends at byte ${this.#bytes.byteLength}, in the middle of a value`);
  }
}

function exact(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function invalid(problem: string): InputError {
  return new InputError("INVALID_MSGPACK", `Invalid msgpack payload: ${problem}`);
}
