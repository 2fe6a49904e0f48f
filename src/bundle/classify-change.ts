import type { Member } from "./change/class-chain.ts";
import { readClassChain } from "./change/class-chain.ts";
import { ASSIGNED, CALLED, TAKEN } from "./change/code-facts.ts";
import { addWriters, type Bundle, labelOf, type Reach, reachFrom } from "./change/reach.ts";
import { isSideEffect, readTopLevel, type Unit } from "./change/top-level.ts";

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

interface Analysis extends Bundle {
  /** What the constructor, the fields, `load` and `setupEnvironment` come to run or read. */
  loading: Reach;
  /** What all other methods do. */
  answering: Reach;
  /** Code that runs when the module is loaded, for what it does rather than for a value; statics of the class. */
  sideEffects: Reach;
}

/** What they begin goes on until the process ends. */
const LASTING = ["setInterval", "setTimeout", "setImmediate"];
const LOADS = /^(load|setupEnvironment)$/;

/** The last two bundles: the one before is always one of them. */
const known = new Map<string, Analysis | string>();

/** A sentence where nothing can be said of the code. */
function analyse(text: string, className: string): Analysis | string {
  const key = `${className}\n${text}`;
  const seen = known.get(key);
  known.delete(key);
  const analysis = seen ?? analyseText(text, className);
  known.set(key, analysis);
  for (const oldest of known.keys()) if (known.size > 2) known.delete(oldest);
  return analysis;
}

function analyseText(text: string, className: string): Analysis | string {
  const top = readTopLevel(text);
  const chain = readClassChain(top, text, className);
  if (chain === null) return `how ${className} is made cannot be seen in the code`;
  if (top.units.some(({ facts }) => facts.waits)) return "the code awaits at its top level";
  if (chain.members.some(({ facts }) => facts.hasPrivateNames)) return `${className} has #private names`;
  const bundle = { top, chain };
  const loading = reachFrom(bundle, chain.members.filter(loads));
  addWriters(bundle, loading);
  const rest = chain.members.filter((member) => !loading.members.has(member));
  const answering = reachFrom(bundle, rest);
  const lasting = top.units.find(({ facts }) => facts.runs && LASTING.some((name) => facts.names.has(name)));
  if (lasting) return `${labelOf(lasting)} would run a second time`;
  const sideEffects = reachFrom(bundle, [
    ...top.units.filter(isSideEffect),
    ...chain.members.filter(({ kind }) => kind === "static"),
  ]);
  if ([...partsOf(loading), ...partsOf(answering)].some(({ facts }) => facts.names.has("eval")))
    return "the code uses eval";
  return { ...bundle, loading, answering, sideEffects };
}

function loads({ kind, key }: Member): boolean {
  if (kind === "method") return key === null || LOADS.test(key);
  return kind !== "static";
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

/** The methods would see a copy of what the loading has filled, or another class than that of its objects. */
function sharedState({ top, loading, answering }: Analysis): string | null {
  for (const [name, how] of loading.names) {
    const used = answering.names.get(name);
    if (used === undefined) continue;
    for (const unit of top.byName.get(name) ?? []) {
      if (isSafeToShare(unit, how, used)) continue;
      const loader = viaOf(loading, name);
      const user = viaOf(answering, name);
      if (how & ASSIGNED) return `${loader} sets ${name}, which ${user} uses`;
      return `${loader} and ${user} share ${name}`;
    }
  }
  const roots = new Set([...partsOf(loading)].flatMap(({ facts }) => [...facts.writtenRoots]));
  for (const unit of top.units) {
    if (!unit.facts.runs) continue;
    const written = [...unit.facts.writtenRoots].find((name) => roots.has(name) && isOutside(name, top));
    if (written !== undefined) return `both load and the top level of the code write to ${written}`;
  }
  return null;
}

function isSafeToShare(unit: Unit, loading: number, answering: number): boolean {
  if (unit.kind === "import" || unit.kind === "constant") return true;
  // Only who holds the function itself can find that there are two.
  if (unit.kind === "function") return !(loading & TAKEN && answering & TAKEN);
  if (unit.kind !== "class" || loading !== CALLED || answering !== CALLED) return false;
  return (
    !unit.facts.hasPrivateNames &&
    !unit.class?.body.body.some((member) => "static" in member && member.static)
  );
}

/**
 * Answers that methods keep on the instance were made by the code before, and would go on answering. Only what
 * a method itself writes counts: what it hands to a library (a session that runs) is the library's.
 */
function stateOfMethods({ top, answering }: Analysis): string | null {
  for (const part of partsOf(answering)) {
    const { facts } = part;
    if ("label" in part && part.kind !== "static" && facts.writesThis) {
      return `${labelOf(part)} keeps values in the loaded model`;
    }
    const outside = [...facts.writtenRoots].find((name) => isOutside(name, top));
    if (outside !== undefined) return `${labelOf(part)} keeps values outside the code (${outside})`;
  }
  return null;
}

/** A global, or what a package outside the bundle gives: one for all copies of the code. */
function isOutside(name: string, { byName }: Analysis["top"]): boolean {
  return (byName.get(name) ?? []).every(({ kind }) => kind === "import");
}

function firstDifference(
  old: Analysis,
  next: Analysis,
  which: "loading" | "sideEffects",
): { part: Unit | Member; via: string } | null {
  const [before, after] = [orderedParts(old, which), orderedParts(next, which)];
  const texts = new Map(before.map((part) => [labelOf(part), part.text]));
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

function* partsOf(reach: Reach): Generator<Unit | Member> {
  yield* reach.members;
  yield* reach.units;
}

function viaOf(reach: Reach, name: string): string {
  for (const [part, via] of reach.via) if (part.facts.names.has(name)) return via;
  return "the code";
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
