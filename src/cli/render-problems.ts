import type { Problem } from "../errors.ts";
import { codeFrame, placeText } from "./code-frame.ts";
import type { Style } from "./report/style.ts";

const MOST_FRAMES = 10;

/** Each problem as a place and a message, with a code frame and a hint where it has them. */
export function renderProblems(problems: readonly Problem[], style: Style): string[] {
  return problems.flatMap((problem, index) => {
    const place = problem.location ? `${style.code(placeText(problem.location))}: ` : "";
    const frame = problem.location && index < MOST_FRAMES ? codeFrame(problem.location, style) : [];
    return [
      `  ${place}${indentRest(problem.message, "  ")}`,
      ...frame.map((line) => `    ${line}`),
      ...(problem.hint ? [`    ${style.dim(indentRest(problem.hint, "    "))}`] : []),
    ];
  });
}

function indentRest(text: string, indent: string): string {
  return text.replaceAll("\n", `\n${indent}`);
}
