const FIRST_CHUNK_BYTES = 4 * 1024;
const LARGEST_CHUNK_BYTES = 1024 * 1024;
/** What is larger is copied once, when the whole is put together. */
const LARGE_BYTES = 4 * 1024;
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
    const length = Buffer.byteLength(text);
    this.#head(length, TEXT);
    if (length > LARGE_BYTES) return this.#bytes(Buffer.from(text));
    this.#room(length);
    this.#end += this.#chunk.write(text, this.#end);
  }

  number(value: number): void {
    if (Number.isSafeInteger(value) && !Object.is(value, -0)) return this.#integer(value);
    this.#room(HEAD_BYTES);
    this.#chunk[this.#end] = 0xcb;
    this.#end = this.#chunk.writeDoubleBE(value, this.#end + 1);
  }

  bigint(value: bigint): void {
    this.#room(HEAD_BYTES);
    const at = this.#end + 1;
    this.#chunk[this.#end] = value < 0n ? 0xd3 : 0xcf;
    this.#end = value < 0n ? this.#chunk.writeBigInt64BE(value, at) : this.#chunk.writeBigUInt64BE(value, at);
  }

  #integer(value: number): void {
    this.#room(HEAD_BYTES);
    const chunk = this.#chunk;
    const at = this.#end;
    if (value >= -0x20 && value < 0x80) this.#end = chunk.writeUInt8(value & 0xff, at);
    else if (value >= 0 && value <= 0xff) this.#end = chunk.writeUInt16BE(0xcc00 | value, at);
    else if (value < 0 && value >= -0x80) this.#end = chunk.writeUInt16BE(0xd000 | (value & 0xff), at);
    else if (value >= 0 && value <= 0xffff) {
      chunk[at] = 0xcd;
      this.#end = chunk.writeUInt16BE(value, at + 1);
    } else if (value < 0 && value >= -0x8000) {
      chunk[at] = 0xd1;
      this.#end = chunk.writeInt16BE(value, at + 1);
    } else if (value >= 0 && value <= 0xffffffff) {
      chunk[at] = 0xce;
      this.#end = chunk.writeUInt32BE(value, at + 1);
    } else if (value < 0 && value >= -0x80000000) {
      chunk[at] = 0xd2;
      this.#end = chunk.writeInt32BE(value, at + 1);
    } else this.bigint(BigInt(value));
  }

  #head(length: number, { short, one, two }: HeadCodes): void {
    this.#room(HEAD_BYTES);
    const chunk = this.#chunk;
    const at = this.#end;
    if (short !== undefined && length < short.limit) {
      this.#end = chunk.writeUInt8(short.code + length, at);
    } else if (one !== undefined && length <= 0xff) {
      chunk[at] = one;
      this.#end = chunk.writeUInt8(length, at + 1);
    } else if (length <= 0xffff) {
      chunk[at] = two;
      this.#end = chunk.writeUInt16BE(length, at + 1);
    } else if (length <= 0xffffffff) {
      chunk[at] = two + 1;
      this.#end = chunk.writeUInt32BE(length, at + 1);
    } else throw new RangeError(`a value of ${length} elements or bytes does not fit into msgpack`);
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
    this.#start = this.#end = 0;
  }

  #cut(): void {
    if (this.#end > this.#start) this.#pieces.push(this.#chunk.subarray(this.#start, this.#end));
    this.#start = this.#end;
  }
}
