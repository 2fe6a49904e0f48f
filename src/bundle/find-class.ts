import type { Class, Expression, Node, Program, Statement } from "acorn";
import { walk } from "./walk-syntax.ts";

export interface Member {
  /** `unknown`: a value that only running the code tells. */
  kind: "function" | "value" | "unknown";
  /** It is written as a generator. */
  generates: boolean;
  node: Node;
}

export interface FoundClass {
  kind: "class";
  name: string | null;
  node: Class;
  /** What instances have, those of base classes in the same file included. */
  members: Map<string, Member>;
  statics: Map<string, Node>;
  /** It may have members that cannot be seen here. */
  open: boolean;
}

/** The class behind an export; `elsewhere` where this file alone does not tell. */
export function findClass(
  program: Program,
  exported: string,
): FoundClass | { kind: "value"; node: Node } | "elsewhere" {
  const value = exportedValue(program, exported);
  if (value === null) return "elsewhere";
  return describe(value.node, value.name, program);
}

/** Every class that the file declares under a name, exported or not. */
export function namedClasses(program: Program): { name: string; node: Node }[] {
  return [...topLevelValues(program)].flatMap(([name, node]) =>
    node.type === "ClassDeclaration" || node.type === "ClassExpression"
      ? [{ name, node: (node as Class).id ?? node }]
      : [],
  );
}

function exportedValue(program: Program, exported: string): { node: Node; name: string | null } | null {
  const values = topLevelValues(program);
  for (const statement of program.body) {
    if (statement.type === "ExportDefaultDeclaration" && exported === "default") {
      const { declaration } = statement;
      if (declaration.type === "Identifier") return named(declaration.name, values);
      const id = "id" in declaration ? declaration.id : null;
      return { node: declaration, name: id?.name ?? null };
    }
    if (statement.type !== "ExportNamedDeclaration") continue;
    for (const specifier of statement.specifiers) {
      const outside =
        specifier.exported.type === "Identifier" ? specifier.exported.name : specifier.exported.value;
      if (outside !== exported) continue;
      if (statement.source || specifier.local.type !== "Identifier") return null;
      return named(specifier.local.name, values);
    }
    if (statement.declaration && declaredNames(statement.declaration).includes(exported))
      return named(exported, values);
  }
  return null;
}

function named(name: string, values: Map<string, Node>): { node: Node; name: string } | null {
  const node = values.get(name);
  return node ? { node, name } : null;
}

function describe(
  node: Node,
  name: string | null,
  program: Program,
): FoundClass | { kind: "value"; node: Node } | "elsewhere" {
  if (node.type === "ClassDeclaration" || node.type === "ClassExpression") {
    return describeClass(node as Class, name, program);
  }
  const isPlain = [
    "ObjectExpression",
    "ArrayExpression",
    "Literal",
    "TemplateLiteral",
    "ArrowFunctionExpression",
  ];
  return isPlain.includes(node.type) ? { kind: "value", node } : "elsewhere";
}

function describeClass(node: Class, name: string | null, program: Program): FoundClass {
  const members = new Map<string, Member>();
  const statics = new Map<string, Node>();
  let open = isReshaped(name, program);
  for (const element of node.body.body) {
    if (element.type === "StaticBlock") continue;
    const key = keyName(element.key, element.computed);
    if (key === null) open = true;
    else if (element.static) statics.set(key, element.key);
    else {
      const generates = (element.value as { generator?: boolean } | null | undefined)?.generator === true;
      members.set(key, { kind: memberKind(element), generates, node: element.key });
    }
  }
  walk(node.body, (inner) => {
    const assigned = assignedToThis(inner);
    if (assigned === null) return;
    if (assigned === "") open = true;
    else if (!members.has(assigned))
      members.set(assigned, { kind: "unknown", generates: false, node: inner });
  });
  if (node.superClass) {
    const base = baseClass(node.superClass, program, name);
    if (base === null) open = true;
    else {
      open ||= base.open;
      for (const [key, member] of base.members) if (!members.has(key)) members.set(key, member);
    }
  }
  return { kind: "class", name: node.id?.name ?? name, node, members, statics, open };
}

function baseClass(superClass: Expression, program: Program, child: string | null): FoundClass | null {
  if (superClass.type !== "Identifier" || superClass.name === child) return null;
  const node = topLevelValues(program).get(superClass.name);
  const found = node ? describe(node, superClass.name, program) : null;
  return found !== null && found !== "elsewhere" && found.kind === "class" ? found : null;
}

function memberKind(
  element: Exclude<Class["body"]["body"][number], { type: "StaticBlock" }>,
): Member["kind"] {
  if (element.type === "MethodDefinition") return element.kind === "method" ? "function" : "unknown";
  const { value } = element;
  if (!value) return "unknown";
  if (value.type === "ArrowFunctionExpression" || value.type === "FunctionExpression") return "function";
  return ["Literal", "ObjectExpression", "ArrayExpression", "TemplateLiteral"].includes(value.type)
    ? "value"
    : "unknown";
}

function keyName(key: Node, computed: boolean): string | null {
  if (key.type === "PrivateIdentifier") return `#${(key as unknown as { name: string }).name}`;
  if (key.type === "Literal") return String((key as unknown as { value: unknown }).value);
  return computed || key.type !== "Identifier" ? null : (key as unknown as { name: string }).name;
}

/** `this.x = ...` gives x; `this[x] = ...` and `Object.assign(this, ...)` give ""; everything else null. */
function assignedToThis(node: Node): string | null {
  if (node.type === "AssignmentExpression") {
    const { left } = node as unknown as {
      left: Node & { object?: Node; property?: Node; computed?: boolean };
    };
    if (left.type !== "MemberExpression" || left.object?.type !== "ThisExpression" || !left.property)
      return null;
    return keyName(left.property, left.computed === true) ?? "";
  }
  if (node.type === "CallExpression") {
    const { arguments: args } = node as unknown as { arguments: Node[] };
    return args[0]?.type === "ThisExpression" ? "" : null;
  }
  return null;
}

/** Decorators, mixins and `Model.prototype.x = ...` name the class again at the top level. */
function isReshaped(name: string | null, program: Program): boolean {
  if (name === null) return false;
  let reshaped = false;
  for (const statement of program.body) {
    if (statement.type === "ExportNamedDeclaration" || statement.type === "ExportDefaultDeclaration")
      continue;
    if (!["ExpressionStatement", "ForOfStatement", "IfStatement"].includes(statement.type)) continue;
    walk(statement, (node) => {
      if (node.type === "Identifier" && (node as unknown as { name: string }).name === name) reshaped = true;
    });
  }
  return reshaped;
}

function topLevelValues(program: Program): Map<string, Node> {
  const values = new Map<string, Node>();
  for (const statement of program.body) {
    const declaration =
      statement.type === "ExportNamedDeclaration" || statement.type === "ExportDefaultDeclaration"
        ? statement.declaration
        : statement;
    if (!declaration) continue;
    if (declaration.type === "ClassDeclaration" || declaration.type === "FunctionDeclaration") {
      if (declaration.id) values.set(declaration.id.name, declaration);
    }
    if (declaration.type !== "VariableDeclaration") continue;
    for (const { id, init } of declaration.declarations) {
      if (id.type === "Identifier" && init) values.set(id.name, init);
    }
  }
  return values;
}

function declaredNames(declaration: Statement): string[] {
  if (declaration.type === "VariableDeclaration") {
    return declaration.declarations.flatMap(({ id }) => (id.type === "Identifier" ? [id.name] : []));
  }
  return "id" in declaration && declaration.id ? [declaration.id.name] : [];
}
