import { type Class, type Node, type Program, parse, type Token } from "acorn";
import { findClass } from "./find-class.ts";
import { walk } from "./walk-syntax.ts";

/** A binding at the top of a bundle, with what its declaration mentions. */
export interface Binding {
  /** The declaration's tokens: comments and layout do not count. */
  text: string;
  mentions: Mentions;
  /**
   * `code` is a function or class, `constant` a const of a primitive literal, `import` comes from outside;
   * `value` is anything else: it may hold state.
   */
  kind: "code" | "constant" | "import" | "value";
  node: Node;
}

export interface Mentions {
  /** Identifiers, whatever they are bound to: a shadowed name only makes the answer more careful. */
  names: Set<string>;
  /** Names of properties, as in `this.name`. */
  properties: Set<string>;
  /** Identifiers that are assigned to. */
  assigned: Set<string>;
  /** Right sides of instanceof, and objects of `X.something`. */
  identities: Set<string>;
}

/** What a class change is decided from: one bundled file, taken apart. */
export interface BundleOutline {
  bindings: Map<string, Binding>;
  /** Statements at the top that do something, those of the bundler excepted. */
  effects: { text: string; mentions: Mentions; isPlainSetting: boolean }[];
  modelClass: Class;
  textOf(node: Node): string;
}

/** The bundler's own helpers: they hold no state that a model could see. */
const HELPERS = /^(__\w+|require)$/;

/** null where the class is not declared in this file. Throws SyntaxError where the text is no module. */
export function outlineBundle(code: string, className: string): BundleOutline | null {
  const tokens: Token[] = [];
  const program = parse(code, { ecmaVersion: "latest", sourceType: "module", onToken: tokens });
  const modelClass = classNode(findClass(program, className)) ?? classNode(findClass(program, "default"));
  if (modelClass === null) return null;
  const textOf = (node: Node): string => tokenText(tokens, node, code);
  const bindings = new Map<string, Binding>();
  const effects: BundleOutline["effects"] = [];
  for (const statement of program.body) readStatement(statement, { bindings, effects, textOf });
  markAssigned(bindings, mentionsOf(program).assigned);
  return { bindings, effects, modelClass, textOf };
}

function classNode(found: ReturnType<typeof findClass>): Class | null {
  return found !== "elsewhere" && found.kind === "class" ? found.node : null;
}

/** esbuild turns const and let into var: a literal is a constant only where nobody assigns it. */
function markAssigned(bindings: Map<string, Binding>, assigned: Set<string>): void {
  for (const name of assigned) {
    const binding = bindings.get(name);
    if (binding !== undefined && !HELPERS.test(name)) binding.kind = "value";
  }
}

interface Reading {
  bindings: Map<string, Binding>;
  effects: BundleOutline["effects"];
  textOf(node: Node): string;
}

function readStatement(statement: Program["body"][number], reading: Reading): void {
  const { bindings, effects, textOf } = reading;
  const bind = (name: string, node: Node, kind: Binding["kind"]): void => {
    const isHelper = HELPERS.test(name);
    bindings.set(name, {
      text: textOf(node),
      mentions: mentionsOf(node),
      kind: isHelper ? "code" : kind,
      node,
    });
  };
  switch (statement.type) {
    case "ImportDeclaration":
      for (const { local } of statement.specifiers) bind(local.name, statement, "import");
      return;
    case "ExportNamedDeclaration":
      if (statement.declaration) readStatement(statement.declaration, reading);
      return;
    case "ExportDefaultDeclaration":
    case "ExportAllDeclaration":
      return;
    case "FunctionDeclaration":
    case "ClassDeclaration":
      if (statement.id) bind(statement.id.name, statement, "code");
      return;
    case "VariableDeclaration":
      for (const declarator of statement.declarations) {
        const kind = kindOf(declarator.init ?? null);
        for (const name of namesIn(declarator.id)) bind(name, declarator, kind);
      }
      return;
    default: {
      const text = textOf(statement);
      if (text.startsWith("__name (") || text.startsWith("__export (")) return;
      effects.push({ text, mentions: mentionsOf(statement), isPlainSetting: isPlainSetting(statement) });
    }
  }
}

function kindOf(init: Node | null): Binding["kind"] {
  if (init === null) return "value";
  if (["FunctionExpression", "ArrowFunctionExpression", "ClassExpression"].includes(init.type)) return "code";
  // esbuild names functions by wrapping them: __name(() => ..., "load").
  const { callee, arguments: args } = init as unknown as { callee?: { name?: string }; arguments?: Node[] };
  if (callee?.name === "__name" && args?.[0] !== undefined) return kindOf(args[0]);
  const isLiteral = init.type === "Literal" && (init as { regex?: unknown }).regex === undefined;
  return isLiteral ? "constant" : "value";
}

/** `env.allowRemoteModels = false`: doing it again changes nothing. */
function isPlainSetting(statement: Node): boolean {
  const { expression } = statement as unknown as { expression?: { type: string; left: Node; right: Node } };
  return (
    expression?.type === "AssignmentExpression" &&
    expression.left.type === "MemberExpression" &&
    expression.right.type === "Literal"
  );
}

export function mentionsOf(node: Node): Mentions {
  const mentions: Mentions = {
    names: new Set(),
    properties: new Set(),
    assigned: new Set(),
    identities: new Set(),
  };
  walk(node, (each) => {
    const any = each as unknown as Record<string, Node & { name: string; value: unknown }>;
    switch (each.type) {
      case "Identifier":
        mentions.names.add((each as Node & { name: string }).name);
        return;
      case "MemberExpression":
        if (any["property"]?.type === "Identifier") mentions.properties.add(any["property"].name);
        if (any["object"]?.type === "Identifier") mentions.identities.add(any["object"].name);
        return;
      case "Literal":
        if (typeof any["value"] === "string") mentions.properties.add(any["value"]);
        return;
      case "BinaryExpression":
        if ((each as unknown as { operator: string }).operator === "instanceof") {
          for (const name of mentionsOf(any["right"] as Node).names) mentions.identities.add(name);
        }
        return;
      case "AssignmentExpression":
        for (const name of namesIn(any["left"] as Node)) mentions.assigned.add(name);
        return;
      case "UpdateExpression":
        for (const name of namesIn(any["argument"] as Node)) mentions.assigned.add(name);
        return;
    }
  });
  return mentions;
}

/** The identifiers that a pattern binds; none for `a.b`. */
function namesIn(pattern: Node): string[] {
  const any = pattern as unknown as Record<string, unknown>;
  switch (pattern.type) {
    case "Identifier":
      return [any["name"] as string];
    case "ObjectPattern":
      return (any["properties"] as { value?: Node; argument?: Node }[]).flatMap(({ value, argument }) =>
        namesIn((value ?? argument) as Node),
      );
    case "ArrayPattern":
      return (any["elements"] as (Node | null)[]).flatMap((each) => (each === null ? [] : namesIn(each)));
    case "AssignmentPattern":
      return namesIn(any["left"] as Node);
    case "RestElement":
      return namesIn(any["argument"] as Node);
    default:
      return [];
  }
}

function tokenText(tokens: Token[], node: Node, code: string): string {
  let low = 0;
  let high = tokens.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((tokens[middle] as Token).start < node.start) low = middle + 1;
    else high = middle;
  }
  const parts: string[] = [];
  for (let i = low; i < tokens.length && (tokens[i] as Token).end <= node.end; i++) {
    const { start, end } = tokens[i] as Token;
    parts.push(code.slice(start, end));
  }
  return parts.join(" ");
}
