const HEAD_END = Buffer.from("\r\n\r\n");
const MOST_HEAD_BYTES = 16 * 1024;
/** Longer names are not what is looked for. */
const MOST_NAME_BYTES = 1024;
const DASHES = "--";

/**
 * Finds the field `model` of a form (multipart/form-data) that arrives in pieces, and keeps nothing of the files in it:
 * `push` gives the name, null where the form has none, or undefined while more is needed.
 */
export class FormModelFinder {
  readonly #delimiter: Buffer;
  #state: "skip" | "border" | "head" | "value" = "skip";
  /** What has come and is not understood yet. The line end lets the first border look like the others. */
  #rest: Buffer = Buffer.from("\r\n");
  #result: string | null | undefined;

  constructor(boundary: string) {
    this.#delimiter = Buffer.from(`\r\n--${boundary}`, "latin1");
  }

  push(chunk: Uint8Array): string | null | undefined {
    if (this.#result !== undefined) return this.#result;
    this.#rest = Buffer.concat([this.#rest, chunk]);
    while (this.#result === undefined && this.#step());
    return this.#result;
  }

  /** False where more bytes are needed. */
  #step(): boolean {
    const rest = this.#rest;
    switch (this.#state) {
      case "skip": {
        const at = rest.indexOf(this.#delimiter);
        // The end of what has come may be the beginning of a border.
        this.#rest = rest.subarray(at === -1 ? Math.max(0, rest.length - this.#delimiter.length) : at);
        if (at === -1) return false;
        this.#rest = this.#rest.subarray(this.#delimiter.length);
        this.#state = "border";
        return true;
      }
      case "border":
        if (rest.length < DASHES.length) return false;
        if (rest.toString("latin1", 0, DASHES.length) === DASHES) this.#result = null;
        this.#state = "head";
        return true;
      case "head":
        return this.#head();
      case "value":
        return this.#value();
    }
  }

  #head(): boolean {
    const end = this.#rest.indexOf(HEAD_END);
    if (end === -1) {
      if (this.#rest.length > MOST_HEAD_BYTES) this.#result = null;
      return false;
    }
    const isModel = fieldName(this.#rest.toString("latin1", 0, end)) === "model";
    // Of a part without a body, the line end before the next border is the last one of its head.
    this.#rest = this.#rest.subarray(end + 2);
    this.#state = isModel ? "value" : "skip";
    return true;
  }

  #value(): boolean {
    const at = this.#rest.indexOf(this.#delimiter);
    if (at === -1) {
      if (this.#rest.length > MOST_NAME_BYTES + this.#delimiter.length) this.#result = null;
      return false;
    }
    const name = this.#rest.toString("utf8", 2, Math.max(2, at)).trim();
    this.#result = name === "" || name.length > MOST_NAME_BYTES ? null : name;
    return false;
  }
}

/** The boundary that a content type names; null where it is no form. */
export function formBoundary(contentType: string | undefined): string | null {
  if (!/^\s*multipart\/form-data\s*;/i.test(contentType ?? "")) return null;
  const match = /;\s*boundary\s*=\s*(?:"([^"]{1,200})"|([^\s;]{1,200}))/i.exec(contentType ?? "");
  return match?.[1] ?? match?.[2] ?? null;
}

function fieldName(head: string): string | undefined {
  const disposition = /^content-disposition\s*:(.*)$/im.exec(head)?.[1] ?? "";
  const match = /;\s*name\s*=\s*(?:"([^"]*)"|([^\s;]+))/i.exec(disposition);
  return match?.[1] ?? match?.[2];
}
