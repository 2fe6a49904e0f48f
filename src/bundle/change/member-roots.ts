import type { AnyNode, MemberExpression, Node } from "acorn";

/** Calls that give away a part of what they are called on. */
export const LENDS = /^(get|at|find|findLast|values|entries|keys|peek)$/;
/** Where a chain of members begins. */
export type Root = { kind: "this" | "other" } | { kind: "name"; name: string };

export function rootOf(given: Node): Root {
  const node = given as AnyNode;
  switch (node.type) {
    case "ThisExpression":
    case "Super":
      return { kind: "this" };
    case "Identifier":
      return { kind: "name", name: node.name };
    case "MemberExpression":
      return rootOf(node.object);
    case "ChainExpression":
      return rootOf(node.expression);
    case "CallExpression":
      return node.callee.type === "MemberExpression" && LENDS.test(literalName(node.callee) ?? "")
        ? rootOf(node.callee)
        : { kind: "other" };
    default:
      return { kind: "other" };
  }
}

/** x of `a.x` and `a["x"]`; null where only running the code tells. */
export function literalName({ property, computed }: MemberExpression): string | null {
  if (property.type === "PrivateIdentifier") return `#${property.name}`;
  if (!computed) return property.type === "Identifier" ? property.name : null;
  return property.type === "Literal" && typeof property.value === "string" ? property.value : null;
}

/** Is it a member of `this` itself, not of something that it holds? */
export function isOfThis({ object }: MemberExpression): boolean {
  return object.type === "ThisExpression" || object.type === "Super";
}

/** The name that code at the top level knows it by: sum of `sum(x)`, path of `path.join(x)`. */
export function takerOf(callee: Node): string {
  const root = rootOf(callee);
  return root.kind === "name" ? root.name : "";
}

export function calledName(callee: Node): string {
  return callee.type === "MemberExpression" ? (literalName(callee as MemberExpression) ?? "") : "";
}

export function memberText(node: MemberExpression): string {
  return node.object.type === "Identifier" ? `${node.object.name}.${literalName(node) ?? ""}` : "";
}

/** Numbers, texts and truths, arithmetic with them and with what is on `this`. */
export function isCounting(given: Node, operator: string): boolean {
  const node = given as AnyNode;
  switch (node.type) {
    case "Literal":
      return !("regex" in node && node.regex);
    case "BinaryExpression":
    case "LogicalExpression":
      return isCounting(node.left, "+=") && isCounting(node.right, "+=");
    case "UnaryExpression":
      return isCounting(node.argument, operator);
    case "MemberExpression":
      // `this.a = this.b` makes nothing new; only arithmetic on it is certain to give a number or a text.
      return operator !== "=" && node.object.type === "ThisExpression" && !node.computed;
    default:
      return false;
  }
}
