const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const COMMA = 0x2c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
/** Longer keys and names are not what is looked for. */
const LONGEST_BYTES = 1024;

/**
 * Finds the string of the key "model" of a JSON object that arrives in pieces, without parsing the rest: `push` gives
 * the name, null where the object has none (or is no object), or undefined while more is needed.
 */
export class ModelNameFinder {
  #depth = 0;
  #inString = false;
  #escaped = false;
  /** At the top: a key is next; the value of "model" is next. */
  #wantsKey = false;
  #wantsModel = false;
  /** Bytes of the string being read, where it matters. */
  #text: number[] | null = null;
  #key = "";
  #result: string | null | undefined;

  push(chunk: Uint8Array): string | null | undefined {
    for (let i = 0; i < chunk.length && this.#result === undefined; i += 1) {
      const byte = chunk[i] as number;
      if (this.#inString) this.#string(byte);
      else if (byte > 0x20) this.#structure(byte);
    }
    return this.#result;
  }

  #string(byte: number): void {
    if (byte === QUOTE && !this.#escaped) {
      this.#inString = false;
      if (this.#text !== null) this.#stringEnds(this.#text);
      return;
    }
    this.#escaped = byte === BACKSLASH && !this.#escaped;
    if (this.#text !== null && this.#text.length < LONGEST_BYTES) this.#text.push(byte);
  }

  #stringEnds(text: number[]): void {
    this.#text = null;
    const value = textOf(text);
    if (this.#wantsModel) this.#result = value === "" ? null : value;
    else {
      this.#key = value;
      this.#wantsKey = false;
    }
  }

  #structure(byte: number): void {
    if (byte === QUOTE) {
      this.#inString = true;
      this.#text = this.#wantsKey || this.#wantsModel ? [] : null;
      return;
    }
    // What is no string is no name.
    if (this.#wantsModel || (this.#depth === 0 && byte !== OPEN_BRACE)) {
      this.#result = null;
      return;
    }
    switch (byte) {
      case OPEN_BRACE:
      case OPEN_BRACKET:
        this.#wantsKey = this.#depth === 0;
        this.#depth += 1;
        return;
      case CLOSE_BRACE:
      case CLOSE_BRACKET:
        this.#depth -= 1;
        if (this.#depth === 0) this.#result = null;
        return;
      case COLON:
        this.#wantsModel = this.#depth === 1 && this.#key === "model";
        return;
      case COMMA:
        this.#wantsKey = this.#depth === 1;
    }
  }
}

function textOf(bytes: number[]): string {
  try {
    return JSON.parse(`"${Buffer.from(bytes).toString("utf8")}"`) as string;
  } catch {
    return "";
  }
}
