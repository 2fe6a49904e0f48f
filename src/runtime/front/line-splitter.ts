import { StringDecoder } from "node:string_decoder";

const KEPT_LINES = 20;
/** A line without end is cut: nothing that a model prints may fill the front's memory. */
const MAX_LINE_CHARS = 64 * 1024;

/** Cuts output into lines and keeps the last ones for a crash report. */
export class LineSplitter {
  readonly #last: string[];
  readonly #onLine: (line: string) => void;
  /** Pieces end anywhere, also within a character. */
  readonly #decoder = new StringDecoder("utf8");
  #held = "";

  /** `last` may be shared: then it has the last lines of several outputs. */
  constructor(onLine: (line: string) => void, last: string[]) {
    this.#onLine = onLine;
    this.#last = last;
  }

  push(chunk: Buffer): void {
    const lines = (this.#held + this.#decoder.write(chunk)).split("\n");
    this.#held = lines.pop() as string;
    for (const line of lines) this.#take(line);
    if (this.#held.length > MAX_LINE_CHARS) {
      this.#take(this.#held);
      this.#held = "";
    }
  }

  end(): void {
    this.#held += this.#decoder.end();
    if (this.#held !== "") this.#take(this.#held);
    this.#held = "";
  }

  #take(line: string): void {
    if (line === "") return;
    this.#last.push(line);
    if (this.#last.length > KEPT_LINES) this.#last.shift();
    this.#onLine(line);
  }
}
