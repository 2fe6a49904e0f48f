/** A line longer than this is cut into several. */
const MAX_LINE = 64 * 1024;

/** Pieces of output in, whole lines out. */
export class LineSplitter {
  readonly #onLine: (line: string) => void;
  #held = "";

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  push(text: string): void {
    const lines = (this.#held + text).split("\n");
    this.#held = lines.pop() as string;
    for (const line of lines) if (line !== "") this.#onLine(line);
    while (this.#held.length > MAX_LINE) {
      this.#onLine(this.#held.slice(0, MAX_LINE));
      this.#held = this.#held.slice(MAX_LINE);
    }
  }

  end(): void {
    if (this.#held !== "") this.#onLine(this.#held);
    this.#held = "";
  }
}
