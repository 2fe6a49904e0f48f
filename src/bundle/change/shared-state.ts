import { type Analysis, isOutside, partsOf } from "./analysis.ts";
import { ASSIGNED, CALLED, MADE, TAKEN } from "./code-facts.ts";
import type { Reach } from "./reach.ts";
import type { Unit } from "./top-level.ts";

/** The methods would see a copy of what the loading has filled, or another class than that of its objects. */
export function sharedState({ top, loading, answering }: Analysis): string | null {
  for (const name of loading.names.keys()) {
    for (const unit of top.byName.get(name) ?? []) {
      // `const [put, take] = make()`: two names, one state.
      const how = useOf(loading, unit);
      const used = useOf(answering, unit);
      if (used === 0 || isSafeToShare(unit, how, used)) continue;
      const loader = viaOf(loading, name);
      const user = viaOf(answering, unit.names.find((each) => answering.names.has(each)) ?? name);
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

function useOf({ names }: Reach, unit: Unit): number {
  return unit.names.reduce((how, name) => how | (names.get(name) ?? 0), 0);
}

function isSafeToShare(unit: Unit, loading: number, answering: number): boolean {
  if (unit.kind === "import" || unit.kind === "constant") return true;
  // Only who holds the function itself can find that there are two.
  if (unit.kind === "function")
    return !((loading | answering) & TAKEN && loading & (TAKEN | MADE) && answering & (TAKEN | MADE));
  if (unit.kind !== "class" || (loading | answering) & ~(CALLED | MADE)) return false;
  return (
    !unit.facts.hasPrivateNames &&
    !unit.class?.body.body.some((member) => "static" in member && member.static)
  );
}

function viaOf(reach: Reach, name: string): string {
  for (const [part, via] of reach.via) if (part.facts.names.has(name)) return via;
  return "the code";
}
