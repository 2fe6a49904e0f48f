import { type AppError, CancelledError, isAppError } from "../errors.ts";
import { codeFrame, placeText } from "./code-frame.ts";
import { renderProblems } from "./render-problems.ts";
import type { Style } from "./report/style.ts";
import { VERSION } from "./version.ts";

export interface RenderOptions {
  style: Style;
  /** Stacks of expected errors too. */
  verbose: boolean;
}

/** What stderr shows for whatever was thrown, without a line feed at its end. */
export function renderError(error: unknown, { style, verbose }: RenderOptions): string {
  if (error instanceof CancelledError) return style.dim("cancelled");
  if (!isAppError(error)) return renderUnexpected(error, style);
  const lines = [`${style.bad("error")} ${error.message}`];
  // Where the place already stands in the message, it is not said twice.
  if (error.location && !error.message.includes(placeText(error.location))) {
    lines.push(`  ${style.code(placeText(error.location))}`);
  }
  if (error.location) lines.push(...codeFrame(error.location, style).map((line) => `  ${line}`));
  lines.push(...renderProblems(error.problems, style));
  if (error.hint) lines.push(`${style.dim("hint")}  ${error.hint}`);
  if (verbose) lines.push(style.dim(stackOf(error)));
  return lines.join("\n");
}

function renderUnexpected(error: unknown, style: Style): string {
  const versions = `purlin ${VERSION}, node ${process.versions.node}, ${process.platform}-${process.arch}`;
  return [
    `${style.bad("unexpected error")} This is a bug in Purlin, not in your project.`,
    stackOf(error),
    versions,
    `${style.dim("hint")}  Report it with the lines above; "purlin doctor" may tell more about this machine.`,
  ].join("\n");
}

function stackOf(error: AppError | unknown): string {
  if (!(error instanceof Error)) return `thrown: ${String(error)}`;
  const own = error.stack ?? `${error.name}: ${error.message}`;
  return error.cause === undefined ? own : `${own}\ncaused by: ${stackOf(error.cause)}`;
}
