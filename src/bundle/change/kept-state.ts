import { type Analysis, isOutside, partsOf } from "./analysis.ts";
import { labelOf } from "./reach.ts";

/**
 * Which method keeps what it made in the loaded model, or outside the code; null where none does. What was kept was
 * made by the code before, and would go on answering. Only what a method itself writes counts: what it hands to
 * others, as every model hands its session a picture, is theirs.
 */
export function stateOfMethods(old: Analysis): string | null {
  const { top, answering } = old;
  for (const member of answering.members) {
    if (member.kind !== "static" && member.facts.writesThis)
      return `${labelOf(member)} keeps values in the loaded model`;
  }
  for (const part of partsOf(answering)) {
    const outside = [...part.facts.writtenRoots].find((name) => isOutside(name, top));
    if (outside !== undefined) return `${labelOf(part)} keeps values outside the code (${outside})`;
  }
  return null;
}
