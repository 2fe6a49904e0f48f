import { HOOKS, LOADING_HOOKS, METHODS } from "../../protocol/methods.ts";
import { type Member, readClassChain } from "./class-chain.ts";
import { addWriters, type Bundle, labelOf, type Reach, reachFrom } from "./reach.ts";
import { isSideEffect, readTopLevel, type Unit } from "./top-level.ts";

export interface Analysis extends Bundle {
  /** What the constructor, the fields, `load` and `setupEnvironment` come to run or read. */
  loading: Reach;
  /** What all other methods do. */
  answering: Reach;
  /** Code that runs when the module is loaded, for what it does rather than for a value; statics of the class. */
  sideEffects: Reach;
}

/** What they begin goes on until the process ends. */
const LASTING = ["setInterval", "setTimeout", "setImmediate"];
const LOADS: ReadonlySet<string> = new Set(LOADING_HOOKS);
/** A change of the environment calls `setupEnvironment` again, `load` runs once. */
const ANSWERS: ReadonlySet<string> = new Set([...METHODS, ...HOOKS.filter((hook) => hook !== "load")]);

/** The last two bundles: the one before is always one of them. */
const known = new Map<string, Analysis | string>();

/** A sentence where nothing can be said of the code. */
export function analyse(text: string, className: string): Analysis | string {
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
  if (chain.members.some(({ kind, facts }) => kind === "constructor" && facts.returnsOther))
    return `a constructor of ${className} returns an object`;
  const loading = reachFrom(bundle, [...chain.members.filter(loads), ...calledByOutsideBase(bundle)]);
  addWriters(bundle, loading);
  const answering = reachFrom(bundle, answeringRoots(bundle, loading));
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
  if (kind === "method") return key === null || LOADS.has(key);
  return kind !== "static";
}

/** The constructor of a class from outside may call what the model overrides: `_construct` of a stream. */
function calledByOutsideBase({ top, chain }: Bundle): Member[] {
  const bases = chain.members.filter(({ kind }) => kind === "heritage");
  if (bases.length === 0) return [];
  const knowsModels = bases.some(({ facts }) => [...facts.names.keys()].some((name) => !isOfNode(name, top)));
  return chain.members.filter(
    ({ kind, key }) => kind === "method" && (knowsModels || key === null || !ANSWERS.has(key)),
  );
}

/** What the language or Node gives never calls `predict` of its own accord. */
function isOfNode(name: string, { byName }: Analysis["top"]): boolean {
  return (byName.get(name) ?? []).every(({ kind, text }) => kind === "import" && / from node:/.test(text));
}

/** What runs once the model is loaded: methods that requests call, or that loading left somewhere to be called. */
function answeringRoots({ chain }: Bundle, loading: Reach): Member[] {
  const loaders = [...loading.members];
  const anyOfThem =
    loaders.some(({ facts }) => facts.thisEscapes) || chain.members.some(({ kind }) => kind === "heritage");
  const later = new Set(loaders.flatMap(({ facts }) => [...facts.laterProperties]));
  return chain.members.filter((member) => {
    if (!loading.members.has(member)) return true;
    if (member.kind !== "method") return false;
    return anyOfThem || member.key === null || ANSWERS.has(member.key) || later.has(member.key);
  });
}

/** A global, or what a package outside the bundle gives: one for all copies of the code. */
export function isOutside(name: string, { byName }: Analysis["top"]): boolean {
  return (byName.get(name) ?? []).every(({ kind }) => kind === "import");
}

export function* partsOf(reach: Reach): Generator<Unit | Member> {
  yield* reach.members;
  yield* reach.units;
}
