import type { SourceLocation } from "../errors.ts";
import type { Style } from "./report/style.ts";

const LONGEST_LINE = 120;

/** model/model.ts:4:11 */
export function placeText(location: SourceLocation): string {
  return [location.file, location.line, location.line === undefined ? undefined : location.column]
    .filter((part) => part !== undefined)
    .join(":");
}

/** The source line with its number, and under it a mark; empty where the line is not known. */
export function codeFrame(location: SourceLocation, style: Style): string[] {
  if (location.lineText === undefined || location.line === undefined) return [];
  const { text, start } = clip(location.lineText, location.column ?? 1);
  const gutter = String(location.line);
  const lines = [`${style.dim(`${gutter} |`)} ${text}`];
  if (location.column !== undefined) {
    const before = location.column - 1 - start;
    // Tabs stay, so that the mark stands under the right character.
    const indent = text.slice(0, before).replaceAll(/[^\t]/g, " ").padEnd(before);
    const length = Math.max(1, Math.min(location.length ?? 1, text.length - before));
    lines.push(`${style.dim(`${" ".repeat(gutter.length)} |`)} ${indent}${style.bad("^".repeat(length))}`);
  }
  return lines;
}

/** A part of a long line (minified code has lines of megabytes) around the column. */
function clip(lineText: string, column: number): { text: string; start: number } {
  const line = lineText.replace(/[\r\n].*$/s, "");
  if (line.length <= LONGEST_LINE) return { text: line, start: 0 };
  const start = Math.max(0, Math.min(column - 1 - LONGEST_LINE / 2, line.length - LONGEST_LINE));
  return { text: line.slice(start, start + LONGEST_LINE), start };
}
