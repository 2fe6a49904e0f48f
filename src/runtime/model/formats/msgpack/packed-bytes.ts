const FIRST_CHUNK_BYTES = 4 * 1024;
const LARGEST_CHUNK_BYTES = 1024 * 1024;
/** What is larger is copied once, when the whole is put together. */
const LARGE_BYTES = 4 * 1024;
/** Its length is in its first byte. */
const SHORT_TEXT = 32;
/** The longest head: of a 64-bit number. */
const HEAD_BYTES = 9;

/** Where a length goes: into the first byte below `limit`, otherwise into the 1, 2 or 4 bytes after it. */
interface HeadCodes {
  short?: { code: number; limit: number };
  /** The first byte for a length of one byte, where there is such. */
  one?: number;
  /** For two bytes; for four it is the next. */
  two: number;
}

const ARRAY: HeadCodes = { short: { code: 0x90, limit: 16 }, two: 0xdc };
const MAP: HeadCodes = { short: { code: 0x80, limit: 16 }, two: 0xde };
const TEXT: HeadCodes = { short: { code: 0xa0, limit: 32 }, one: 0xd9, two: 0xda };
const BIN: HeadCodes = { one: 0xc4, two: 0xc5 };
const EXTENSION: HeadCodes = { one: 0xc7, two: 0xc8 };

/** The scalars, heads and bytes of a msgpack value, put together at the end. */
export class PackedBytes {
  readonly #pieces: Uint8Array[] = [];
  #chunk = Buffer.allocUnsafeSlow(FIRST_CHUNK_BYTES);
  #view = viewOf(this.#chunk);
  #start = 0;
  #end = 0;

  /** All that was written; a copy of what was handed in, which may change from then on. */
  whole(): Uint8Array {
    if (this.#pieces.length === 0) return this.#chunk.subarray(0, this.#end);
    this.#cut();
    return Buffer.concat(this.#pieces);
  }

  byte(value: number): void {
    this.#room(1);
    this.#chunk[this.#end++] = value;
  }

  array(length: number): void {
    this.#head(length, ARRAY);
  }

  map(length: number): void {
    this.#head(length, MAP);
  }

  bin(bytes: Uint8Array): void {
    this.#head(bytes.byteLength, BIN);
    this.#bytes(bytes);
  }

  extension(type: number, bytes: Uint8Array): void {
    const power = [1, 2, 4, 8, 16].indexOf(bytes.byteLength);
    if (power === -1) this.#head(bytes.byteLength, EXTENSION);
    else this.byte(0xd4 + power);
    this.byte(type & 0xff);
    this.#bytes(bytes);
  }

  text(text: string): void {
    if (text.length < SHORT_TEXT && this.#shortText(text)) return;
    const length = Buffer.byteLength(text);
    this.#head(length, TEXT);
    if (length > LARGE_BYTES) return this.#bytes(Buffer.from(text));
    this.#room(length);
    this.#end += this.#chunk.write(text, this.#end);
  }

  /** Of ASCII only, as keys are: written here it takes less time than a call of Buffer's. */
  #shortText(text: string): boolean {
    this.#room(HEAD_BYTES + SHORT_TEXT);
    const chunk = this.#chunk;
    let at = this.#end;
    chunk[at++] = 0xa0 + text.length;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code >= 0x80) return false;
      chunk[at++] = code;
    }
    this.#end = at;
    return true;
  }

  number(value: number): void {
    if (Number.isSafeInteger(value) && !Object.is(value, -0)) return this.#integer(value);
    this.#room(HEAD_BYTES);
    this.#chunk[this.#end] = 0xcb;
    this.#view.setFloat64(this.#end + 1, value);
    this.#end += 9;
  }

  bigint(value: bigint): void {
    this.#room(HEAD_BYTES);
    const at = this.#end + 1;
    this.#chunk[this.#end] = value < 0n ? 0xd3 : 0xcf;
    this.#end = value < 0n ? this.#chunk.writeBigInt64BE(value, at) : this.#chunk.writeBigUInt64BE(value, at);
  }

  #integer(value: number): void {
    if (value >= -0x20 && value < 0x80) return this.byte(value & 0xff);
    if (value >= 0) {
      if (value <= 0xff) this.#sized(0xcc, 1, value);
      else if (value <= 0xffff) this.#sized(0xcd, 2, value);
      else if (value <= 0xffffffff) this.#sized(0xce, 4, value);
      else this.bigint(BigInt(value));
    } else if (value >= -0x80) this.#sized(0xd0, 1, value);
    else if (value >= -0x8000) this.#sized(0xd1, 2, value);
    else if (value >= -0x80000000) this.#sized(0xd2, 4, value);
    else this.bigint(BigInt(value));
  }

  #head(length: number, { short, one, two }: HeadCodes): void {
    if (short !== undefined && length < short.limit) this.byte(short.code + length);
    else if (one !== undefined && length <= 0xff) this.#sized(one, 1, length);
    else if (length <= 0xffff) this.#sized(two, 2, length);
    else if (length <= 0xffffffff) this.#sized(two + 1, 4, length);
    else throw new RangeError(`a value of ${length} elements or bytes does not fit into msgpack`);
  }

  /** A first byte, and a number in so many bytes after it; a negative one in two's complement. */
  #sized(code: number, bytes: 1 | 2 | 4, value: number): void {
    this.#room(HEAD_BYTES);
    const at = this.#end + 1;
    this.#chunk[this.#end] = code;
    if (bytes === 1) this.#view.setUint8(at, value);
    else if (bytes === 2) this.#view.setUint16(at, value);
    else this.#view.setUint32(at, value);
    this.#end = at + bytes;
  }

  #bytes(bytes: Uint8Array): void {
    if (bytes.byteLength > LARGE_BYTES) {
      this.#cut();
      this.#pieces.push(bytes);
      return;
    }
    this.#room(bytes.byteLength);
    this.#chunk.set(bytes, this.#end);
    this.#end += bytes.byteLength;
  }

  #room(bytes: number): void {
    if (this.#end + bytes <= this.#chunk.byteLength) return;
    this.#cut();
    const size = Math.min(LARGEST_CHUNK_BYTES, this.#chunk.byteLength * 2);
    this.#chunk = Buffer.allocUnsafeSlow(size);
    this.#view = viewOf(this.#chunk);
    this.#start = this.#end = 0;
  }

  #cut(): void {
    if (this.#end > this.#start) this.#pieces.push(this.#chunk.subarray(this.#start, this.#end));
    this.#start = this.#end;
  }
}

function viewOf({ buffer, byteOffset, byteLength }: Buffer): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}
