import type { AnyNode, Class, Node } from "acorn";
import { type CodeFacts, codeFacts } from "./code-facts.ts";
import type { TopLevel, Unit } from "./top-level.ts";

export interface Member {
  /** How it is called in a sentence: predict, the constructor, the field words. */
  label: string;
  /** Name on the instance; null where only running the code tells. */
  key: string | null;
  kind: "constructor" | "field" | "method" | "static" | "heritage";
  text: string;
  facts: CodeFacts;
}

/** The model's class and the classes of the bundle that it extends. */
export interface ClassChain {
  members: Member[];
  units: Set<Unit>;
  /** Names by which code speaks of these classes. */
  names: Set<string>;
}

/** Null where the class cannot be seen: it is made by a function, wrapped by a decorator, or not exported. */
export function readClassChain(top: TopLevel, text: string, className: string): ClassChain | null {
  const chain: ClassChain = { members: [], units: new Set(), names: new Set() };
  let name = top.exports.get(className) ?? top.exports.get("default");
  while (name !== undefined) {
    const [unit, ...others] = top.byName.get(name) ?? [];
    if (!unit?.class || unit.kind !== "class" || others.length > 0 || chain.units.has(unit)) return null;
    chain.units.add(unit);
    chain.names.add(name);
    if (unit.class.id) chain.names.add(unit.class.id.name);
    chain.members.push(...membersOf(unit.class, text));
    name = baseName(unit.class, top);
    if (name === undefined && unit.class.superClass)
      chain.members.push(member(unit.class.superClass, text, "heritage", "the class it extends"));
  }
  return chain.units.size > 0 ? chain : null;
}

/** The base class where it is one of the bundle's own. */
function baseName({ superClass }: Class, top: TopLevel): string | undefined {
  if (superClass?.type !== "Identifier") return undefined;
  const declaring = top.byName.get(superClass.name) ?? [];
  return declaring.length === 1 && declaring[0]?.kind === "class" ? superClass.name : undefined;
}

/** What a class declares; the texts are of the bundle. */
export function membersOf({ body }: Class, text: string): Member[] {
  return body.body.flatMap((given): Member[] => {
    const node = given as AnyNode;
    switch (node.type) {
      case "MethodDefinition": {
        if (node.kind === "constructor") return [member(node, text, "constructor", "the constructor")];
        const key = keyOf(node);
        if (node.static) return [member(node, text, "static", `static ${key ?? "method"}`)];
        return [member(node, text, "method", key ?? "a method with a computed name", key)];
      }
      case "PropertyDefinition": {
        const key = keyOf(node);
        if (node.static) return [member(node, text, "static", `static ${key ?? "field"}`)];
        return [member(node, text, "field", `the field ${key ?? "with a computed name"}`, key)];
      }
      case "StaticBlock":
        return isNaming(node.body) ? [] : [member(node, text, "static", "the static block")];
      default:
        return [member(node, text, "heritage", "the class")];
    }
  });
}

function member(
  node: Node,
  text: string,
  kind: Member["kind"],
  label: string,
  key: string | null = null,
): Member {
  return { label, key, kind, text: text.slice(node.start, node.end), facts: codeFacts(node) };
}

function keyOf({ key, computed }: { key: Node; computed: boolean }): string | null {
  const node = key as AnyNode;
  if (node.type === "Literal") return String(node.value);
  if (node.type === "PrivateIdentifier") return `#${node.name}`;
  return !computed && node.type === "Identifier" ? node.name : null;
}

/** `static { __name(this, "Model"); }`, which esbuild writes into every class. */
function isNaming(body: readonly Node[]): boolean {
  const [only, ...others] = body as readonly AnyNode[];
  if (others.length > 0 || only?.type !== "ExpressionStatement") return false;
  const { expression } = only;
  return (
    expression.type === "CallExpression" &&
    expression.callee.type === "Identifier" &&
    /^__name\d*$/.test(expression.callee.name)
  );
}
