import type { SourceLocation } from "../errors.ts";

/** Offsets into the text: from the first to after the last character. */
export type Span = readonly [start: number, end: number];

/** A file's text, for places in it. What lies in hidden spans is never shown. */
export class SourceText {
  readonly file: string;
  readonly text: string;
  readonly #hidden: Span[] = [];
  readonly #lineStarts: number[] = [0];

  /** `file` as the user would type it. */
  constructor(file: string, text: string) {
    this.file = file;
    this.text = text;
    for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1))
      this.#lineStarts.push(at + 1);
  }

  hide(span: Span): void {
    if (span[1] > span[0]) this.#hidden.push(span);
  }

  location([start, end]: Span): SourceLocation {
    const line = this.#lineOf(start);
    const lineStart = this.#lineStarts[line - 1] ?? 0;
    const lineEnd = this.#endOfLine(line);
    const length = Math.max(1, Math.min(end, lineEnd) - start);
    const place = { file: this.file, line, column: start - lineStart + 1, length };
    const shown = this.#shown(lineStart, lineEnd);
    if (shown === null) return place;
    // The column must lie in what is shown, or the mark would stand below nothing.
    return shown.length >= place.column - 1 ? { ...place, lineText: shown } : place;
  }

  /** The line up to the first hidden character, then `***`; null where the line begins within a hidden span. */
  #shown(lineStart: number, lineEnd: number): string | null {
    const hiddenAt = this.#hidden
      .filter(([start, end]) => start <= lineEnd && end > lineStart)
      .map(([start]) => start);
    if (hiddenAt.length === 0) return this.text.slice(lineStart, lineEnd);
    const first = Math.min(...hiddenAt);
    return first < lineStart ? null : `${this.text.slice(lineStart, first)}***`;
  }

  /** Counted from 1. */
  #lineOf(offset: number): number {
    let low = 0;
    let high = this.#lineStarts.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((this.#lineStarts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return low + 1;
  }

  #endOfLine(line: number): number {
    const next = this.#lineStarts[line];
    const end = next === undefined ? this.text.length : next - 1;
    return this.text[end - 1] === "\r" ? end - 1 : end;
  }
}
