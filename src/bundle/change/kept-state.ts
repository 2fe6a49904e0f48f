import { type Analysis, isOutside, partsOf } from "./analysis.ts";
import { type Member, membersOf } from "./class-chain.ts";
import { ANY, ASSIGNED, type CodeFacts, type Given } from "./code-facts.ts";
import { labelOf } from "./reach.ts";
import type { TopLevel, Unit } from "./top-level.ts";

/** Written to in code that also runs in browsers; in Node there are none. */
const OF_BROWSERS = /^(window|self|document)$/;

/**
 * Who keeps what requests have made in the loaded model, or outside the code; null where nobody does. What was kept
 * was made by the code before, and would go on answering. Only what the code of the bundle writes counts: what it
 * hands to others, as every model hands its session a picture, is theirs.
 */
export function stateOfMethods(old: Analysis): string | null {
  const { top, answering } = old;
  for (const part of partsOf(answering)) {
    const outside = [...part.facts.writtenRoots].find(
      (name) => isOutside(name, top) && !OF_BROWSERS.test(name),
    );
    if (outside !== undefined) return `${labelOf(part)} keeps values outside the code (${outside})`;
  }
  const writers = parameterWriters(top);
  const keeper =
    [...answering.members].find(({ kind, facts }) => kind !== "static" && facts.writesThis) ??
    writers.amongTakers([...answering.members].flatMap(({ facts }) => facts.givesThisParts)) ??
    loadedKeeper(old, writers);
  return keeper === null ? null : `${labelOf(keeper)} keeps values in the loaded model`;
}

interface Writers {
  /** The first of those whom something is given that changes it. */
  amongTakers(given: Iterable<Given>): Unit | null;
}

/** Functions that change what they are given, or hand it to one that does; classes that change parts of it. */
function parameterWriters({ units, byName }: TopLevel): Writers {
  const written = new Map<Unit, Set<number>>();
  for (const unit of units) {
    if (unit.kind === "class") written.set(unit, new Set(unit.facts.changesThisParts ? [ANY] : []));
    else if (unit.kind !== "import") written.set(unit, new Set(unit.facts.writesParameters));
  }
  const writes = (unit: Unit, at: number): boolean => {
    const indexes = written.get(unit);
    return indexes !== undefined && (indexes.has(at) || indexes.has(ANY) || (at === ANY && indexes.size > 0));
  };
  const amongTakers = (given: Iterable<Given>): Unit | null => {
    for (const { taker, at } of given) {
      const found = byName.get(taker)?.find((unit) => writes(unit, at));
      if (found) return found;
    }
    return null;
  };
  for (let isSettled = false; !isSettled;) {
    isSettled = true;
    for (const [unit, indexes] of written) {
      for (const given of unit.facts.givesParameters) {
        if (indexes.has(given.from) || !amongTakers([given])) continue;
        indexes.add(given.from);
        isSettled = false;
      }
    }
  }
  return { amongTakers };
}

/** What loading has made of the bundle's own classes and closures, where requests reach a part of it that keeps. */
function loadedKeeper({ chain, loading, answering }: Analysis, writers: Writers): Unit | Member | null {
  const units = [...loading.units].filter((unit) => !chain.units.has(unit) && !isHelper(unit));
  const methods = units.flatMap((unit) =>
    unit.class === null ? [] : membersOf(unit.class, "").map((member) => ({ unit, ...member })),
  );
  const called = new Set<string>();
  for (const { facts } of answering.members) addCalls(facts);
  for (let size = -1; size !== called.size;) {
    size = called.size;
    for (const { key, facts } of methods) if (key !== null && called.has(key)) addCalls(facts);
  }
  // `this.memo(x)` where memo is no method: a function that loading has put there.
  const own = new Set(chain.members.filter(({ kind }) => kind === "method").map(({ key }) => key));
  const callsFields = [...answering.members].some(({ facts }) =>
    [...facts.thisCalls].some((name) => !own.has(name)),
  );

  const method = methods.find(({ key, kind, facts }) =>
    kind === "constructor" || kind === "field"
      ? // What a function keeps for as long as it runs is gone with it, unless it leaves functions behind.
        keepsCaptured(facts) && isReached([key ?? "", ...facts.thisProperties, ...facts.propertyNames])
      : key !== null && called.has(key) && keeps(facts),
  );
  if (method) return method.unit;
  const isLeft = ({ propertyNames }: CodeFacts): boolean => callsFields || isReached(propertyNames);
  return (
    units.find(
      ({ class: isClass, facts }) =>
        isClass === null && (keepsCaptured(facts) || facts.writesThis) && isLeft(facts),
    ) ??
    [...loading.members].find(({ facts }) => keepsCaptured(facts) && isLeft(facts)) ??
    null
  );

  function addCalls({ partCalls, thisCalls }: CodeFacts): void {
    for (const name of [...partCalls, ...thisCalls]) called.add(name);
  }

  function isReached(names: Iterable<string>): boolean {
    return [...names].some((name) => called.has(name));
  }

  function keeps(facts: CodeFacts): boolean {
    const isWriting = facts.writesThis || facts.writtenRoots.size > 0;
    if (isWriting || [...facts.names.values()].some((how) => how & ASSIGNED)) return true;
    return writers.amongTakers([...facts.givesThisParts, ...facts.givesCaptured]) !== null;
  }

  function keepsCaptured(facts: CodeFacts): boolean {
    return facts.writesCaptured || writers.amongTakers(facts.givesCaptured) !== null;
  }
}

/** esbuild's own: what they keep is which modules have run. */
function isHelper({ names }: Unit): boolean {
  return names.some((name) => name.startsWith("__"));
}
