import { type Analysis, analyse, partsOf } from "./change/analysis.ts";
import type { Member } from "./change/class-chain.ts";
import { stateOfMethods } from "./change/kept-state.ts";
import { labelOf } from "./change/reach.ts";
import { sharedState } from "./change/shared-state.ts";
import type { Unit } from "./change/top-level.ts";

export interface ChangeKind {
  /** `methods`: the new class's methods can be put on the loaded instance. `process`: it must be loaded anew. */
  kind: "methods" | "process";
  /** For people: what changed, or what stands against it. */
  reason: string;
}

/**
 * How a change of the bundle can take effect. `methods` only where the loaded instance is what the new code would
 * have loaded, and its methods cannot tell that the rest of the module was made anew. In doubt `process`.
 */
export function classifyCodeChange(before: string, after: string, className: string): ChangeKind {
  let old: Analysis | string;
  let next: Analysis | string;
  try {
    old = analyse(before, className);
    next = analyse(after, className);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return inNewProcess("the code cannot be compared");
  }
  if (typeof old === "string") return inNewProcess(old);
  if (typeof next === "string") return inNewProcess(next);
  const changed = changedParts(old, next);
  const obstacle =
    changeOfLoading(old, next) ??
    changeOfSideEffects(old, next) ??
    sharedState(next) ??
    (changed.length === 0 ? null : stateOfMethods(old));
  if (obstacle !== null) return inNewProcess(obstacle);
  const reason =
    changed.length === 0
      ? "only comments or the layout changed"
      : `${list(changed)} changed; what loads the model did not`;
  return { kind: "methods", reason };
}

/** Reads a bundle beforehand: the first comparison with it then takes half as long. */
export function prepareComparison(text: string, className: string): void {
  try {
    analyse(text, className);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
}

/** Whatever made the instance must be what it was. */
function changeOfLoading(old: Analysis, next: Analysis): string | null {
  const changed = firstDifference(old, next, "loading");
  if (changed === null) return null;
  const { part, via } = changed;
  const label = labelOf(part);
  if (label === via || via === "") return `${label} changed`;
  return `${label}${placeOf(part)} changed, which ${via} uses`;
}

/** It ran already in this process; new side effects come beside the old ones. */
function changeOfSideEffects(old: Analysis, next: Analysis): string | null {
  const changed = firstDifference(old, next, "sideEffects");
  if (changed === null) return null;
  const { part } = changed;
  if ("label" in part) return `${part.label} changed`;
  return `${labelOf(part)}${placeOf(part)} changed, which runs when the module is loaded`;
}

function firstDifference(
  old: Analysis,
  next: Analysis,
  which: "loading" | "sideEffects",
): { part: Unit | Member; via: string } | null {
  const [before, after] = [orderedParts(old, which), orderedParts(next, which)];
  // Statements have no names to tell them apart by.
  const named = before.filter((part) => !("kind" in part && part.kind === "statement"));
  const texts = new Map(named.map((part) => [labelOf(part), part.text]));
  const changed = after.findIndex(
    (part, index) => before[index]?.text !== part.text || labelOf(part) !== labelOf(before[index] as Unit),
  );
  if (changed === -1 && before.length === after.length) return null;
  // The part whose own text changed says more than the one that merely moved.
  const edited = after.find((part) => texts.get(labelOf(part)) !== part.text && texts.has(labelOf(part)));
  const part = edited ?? after[changed] ?? (before[after.length] as Unit | Member);
  return { part, via: next[which].via.get(part) ?? old[which].via.get(part) ?? "" };
}

/** In the order of the code: fields and statements run in it. */
function orderedParts(analysis: Analysis, which: "loading" | "sideEffects"): (Unit | Member)[] {
  const reach = analysis[which];
  return [
    ...analysis.chain.members.filter((member) => reach.members.has(member)),
    ...analysis.top.units.filter((unit) => reach.units.has(unit)),
  ];
}

function changedParts(old: Analysis, next: Analysis): string[] {
  const before = new Map([...old.chain.members, ...old.top.units].map((part) => [labelOf(part), part.text]));
  const after = new Set([...next.chain.members, ...next.top.units].map(labelOf));
  const parts = [...partsOf(next.answering)].filter((part) => before.get(labelOf(part)) !== part.text);
  const gone = [...partsOf(old.answering)].filter((part) => !after.has(labelOf(part)));
  return [...new Set([...parts, ...gone].map(labelOf))];
}

function placeOf(part: Unit | Member): string {
  return "source" in part && part.source !== "" ? ` (${part.source})` : "";
}

function list(names: readonly string[]): string {
  const [first = "", ...others] = names;
  if (others.length === 0) return first;
  return others.length === 1 ? `${first} and ${others[0]}` : `${first} and ${others.length} more`;
}

function inNewProcess(reason: string): ChangeKind {
  return { kind: "process", reason };
}
