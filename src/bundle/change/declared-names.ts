import type { Node, Pattern } from "acorn";

/** Names that a function (or a piece of code outside of any) declares for itself; those of functions in it are theirs. */
export function declaredNames(code: Node): Set<string> {
  const names = new Set<string>();
  if (isFunction(code)) {
    const { id, params, body } = code as FunctionLike;
    // A declaration's name belongs to the code around it.
    if (id && code.type === "FunctionExpression") names.add(id.name);
    for (const param of params) addPattern(param, names);
    gather(body, names);
  } else gather(code, names);
  return names;
}

export interface FunctionLike extends Node {
  id?: { name: string } | null;
  params: Pattern[];
  body: Node;
}

export function isFunction(node: Node): boolean {
  return (
    node.type === "FunctionDeclaration" ||
    node.type === "FunctionExpression" ||
    node.type === "ArrowFunctionExpression"
  );
}

/** The names of a parameter, a variable or a destructuring pattern. */
export function patternNames(pattern: Pattern): string[] {
  const names = new Set<string>();
  addPattern(pattern, names);
  return [...names];
}

function gather(node: Node, names: Set<string>): void {
  if (node.type === "VariableDeclarator") addPattern((node as unknown as { id: Pattern }).id, names);
  if (node.type === "CatchClause") {
    const { param } = node as unknown as { param: Pattern | null };
    if (param) addPattern(param, names);
  }
  if (node.type === "FunctionDeclaration" || node.type === "ClassDeclaration") {
    const { id } = node as unknown as { id: { name: string } | null };
    if (id) names.add(id.name);
  }
  if (isFunction(node)) return;
  for (const child of childrenOf(node)) gather(child, names);
}

function addPattern(pattern: Pattern, names: Set<string>): void {
  switch (pattern.type) {
    case "Identifier":
      names.add(pattern.name);
      return;
    case "ObjectPattern":
      for (const property of pattern.properties) {
        addPattern(property.type === "RestElement" ? property.argument : property.value, names);
      }
      return;
    case "ArrayPattern":
      for (const element of pattern.elements) if (element) addPattern(element, names);
      return;
    case "AssignmentPattern":
      return addPattern(pattern.left, names);
    case "RestElement":
      return addPattern(pattern.argument, names);
    case "MemberExpression":
  }
}

export function* childrenOf(node: Node): Generator<Node> {
  for (const value of Object.values(node) as unknown[]) {
    if (Array.isArray(value)) {
      for (const each of value) if (isNode(each)) yield each;
    } else if (isNode(value)) yield value;
  }
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && typeof (value as Node).type === "string";
}
