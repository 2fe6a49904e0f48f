import type { ClassChain, Member } from "./class-chain.ts";
import { type CodeFacts, TAKEN } from "./code-facts.ts";
import type { TopLevel, Unit } from "./top-level.ts";

/** Everything that code can come to run or read, as far as its text tells. */
export interface Reach {
  units: Set<Unit>;
  members: Set<Member>;
  /** Top-level names that are spoken of, with how each is used. */
  names: Map<string, number>;
  /** From which root each part is reached, for messages. */
  via: Map<Unit | Member, string>;
}

export interface Bundle {
  top: TopLevel;
  chain: ClassChain;
}

export function reachFrom(bundle: Bundle, roots: Iterable<Member | Unit>): Reach {
  const reach: Reach = { units: new Set(), members: new Set(), names: new Map(), via: new Map() };
  for (const root of roots) enter(bundle, reach, root, root === undefined ? "" : labelOf(root));
  return reach;
}

/**
 * Adds the top-level code that can have changed what `reach` reads: it runs when the module is loaded, and it
 * comes to a value that is spoken of in `reach`. Once more for what that code brings in.
 */
export function addWriters(bundle: Bundle, reach: Reach): void {
  const { top, chain } = bundle;
  const users = usersByName(top);
  const seen = new Set<string>();
  const queue = [...reach.names.keys()].filter(isValue);
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    if (seen.has(name)) continue;
    seen.add(name);
    for (const unit of users.get(name) ?? []) {
      if (chain.units.has(unit)) continue;
      if (unit.facts.runs && !reach.units.has(unit)) {
        const before = new Set(reach.names.keys());
        enter(bundle, reach, unit, "code at the top level");
        for (const own of unit.names) use(reach, own, TAKEN);
        queue.push(...[...reach.names.keys()].filter((each) => !before.has(each) && isValue(each)));
      }
      queue.push(...unit.names);
    }
    for (const member of chain.members) {
      if (member.kind === "static" && member.facts.names.has(name))
        enter(bundle, reach, member, "code at the top level");
    }
  }

  function isValue(name: string): boolean {
    return (top.byName.get(name) ?? []).some(({ kind }) => kind === "value" || kind === "statement");
  }
}

export function labelOf(part: Unit | Member): string {
  if ("label" in part) return part.label;
  return part.kind === "statement" ? "code at the top level" : part.names.join(", ");
}

function enter(bundle: Bundle, reach: Reach, first: Unit | Member, via: string): void {
  const { top, chain } = bundle;
  const queue: (Unit | Member)[] = [first];
  for (let part = queue.pop(); part !== undefined; part = queue.pop()) {
    if (reach.via.has(part)) continue;
    reach.via.set(part, via);
    if ("label" in part) {
      reach.members.add(part);
      queue.push(...membersUsed(chain, part.facts));
    } else reach.units.add(part);
    for (const [name, how] of part.facts.names) {
      if (chain.names.has(name)) queue.push(...chain.members);
      const declaring = top.byName.get(name);
      if (declaring === undefined) continue;
      use(reach, name, how);
      queue.push(...declaring.filter((unit) => !chain.units.has(unit)));
    }
  }
}

/** Members that a member's code reaches through `this`. */
function membersUsed(chain: ClassChain, facts: CodeFacts): Member[] {
  if (facts.thisEscapes || facts.thisProperties.has("constructor")) return chain.members;
  // A computed name may be any.
  return chain.members.filter(
    ({ kind, key }) => kind === "method" && key !== null && facts.thisProperties.has(key),
  );
}

function use(reach: Reach, name: string, how: number): void {
  reach.names.set(name, (reach.names.get(name) ?? 0) | how);
}

function usersByName({ units }: TopLevel): Map<string, Unit[]> {
  const users = new Map<string, Unit[]>();
  for (const unit of units) {
    for (const name of unit.facts.names.keys()) {
      const list = users.get(name);
      if (list) list.push(unit);
      else users.set(name, [unit]);
    }
  }
  return users;
}
