import { type Analysis, isOutside, partsOf } from "./analysis.ts";
import { ASSIGNED, CALLED, TAKEN } from "./code-facts.ts";
import type { Reach } from "./reach.ts";
import type { Unit } from "./top-level.ts";

/** The methods would see a copy of what the loading has filled, or another class than that of its objects. */
export function sharedState({ top, loading, answering }: Analysis): string | null {
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

function viaOf(reach: Reach, name: string): string {
  for (const [part, via] of reach.via) if (part.facts.names.has(name)) return via;
  return "the code";
}
