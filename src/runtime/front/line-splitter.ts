const KEPT_LINES = 20;
/** A line without end is cut: nothing that a model prints may fill the front's memory. */
const MAX_LINE_BYTES = 64 * 1024;

/** Cuts output into lines and keeps the last ones for a crash report. */
export class LineSplitter {
  readonly last: string[] = [];
  readonly #onLine: (line: string) => void;
  #held = "";

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  push(chunk: Buffer): void {
    const lines = (this.#held + chunk.toString("utf8")).split("\n");
    this.#held = lines.pop() as string;
    for (const line of lines) this.#take(line);
    if (this.#held.length > MAX_LINE_BYTES) {
      this.#take(this.#held);
      this.#held = "";
    }
  }

  end(): void {
    if (this.#held !== "") this.#take(this.#held);
    this.#held = "";
  }

  #take(line: string): void {
    if (line === "") return;
    this.last.push(line);
    if (this.last.length > KEPT_LINES) this.last.shift();
    this.#onLine(line);
  }
}
