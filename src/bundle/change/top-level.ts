import {
  type AnyNode,
  type Class,
  type Expression,
  type MemberExpression,
  type Node,
  type Program,
  parse,
  type Statement,
} from "acorn";
import { ASSIGNED, type CodeFacts, codeFacts } from "./code-facts.ts";
import { declaredNames, isFunction, patternNames } from "./declared-names.ts";

export type UnitKind =
  /** Called, it does the same in every copy of the module, as far as its text tells. */
  | "function"
  | "class"
  /** A number, a text, a truth that never changes. */
  | "constant"
  /** From outside the bundle: one and the same for all copies of the module. */
  | "import"
  /** Anything with an identity or a state of its own. */
  | "value"
  | "statement";

/** A piece of a bundle's flat top level. */
export interface Unit {
  kind: UnitKind;
  names: readonly string[];
  text: string;
  facts: CodeFacts;
  /** Its class, where it is one. */
  class: Class | null;
  /** Where it was written, from esbuild's comments. */
  source: string;
}

export interface TopLevel {
  units: Unit[];
  byName: Map<string, Unit[]>;
  /** What the module exports, by its local name. */
  exports: Map<string, string>;
}

/** What every bundle begins with (entry-bundler.ts): the way to packages outside of it. */
const OUTSIDE = /^(require|__require|__purlin\w+)$/;
/** esbuild's helpers: the same in every bundle, and they change nothing of the user's. */
const LANGUAGE = /^(undefined|NaN|Infinity|Object|Math|Number|Array|String|Reflect)$/;
const NAME_HELPER = /^__name\d*$/;
const EXPORT_HELPER = /^__(export|reExport|copyProps)\d*$/;

export function readTopLevel(text: string): TopLevel {
  const sources: { start: number; name: string }[] = [];
  const program = parse(text, {
    ecmaVersion: "latest",
    sourceType: "module",
    onComment(isBlock, comment, start) {
      if (!isBlock && /^ [^@\s][^\s]*$|^ [^@].*\.[cm]?[jt]sx?$/.test(comment))
        sources.push({ start, name: comment.trim() });
    },
  });
  [known, met] = [met, new Map()];
  const units = program.body.flatMap((statement) => readStatement(statement, text));
  const byName = new Map<string, Unit[]>();
  for (const { unit } of units) {
    for (const name of unit.names) byName.set(name, [...(byName.get(name) ?? []), unit]);
  }
  let at = 0;
  for (const { unit, start } of units) {
    while (at < sources.length && (sources[at]?.start ?? 0) < start) at += 1;
    unit.source = sources[at - 1]?.name ?? "";
  }
  const top = { units: units.map(({ unit }) => unit), byName, exports: exportsOf(program) };
  settleKinds(top);
  return top;
}

/** Is it a side effect of its own, rather than a part of a declaration beside it? */
export function isSideEffect({ kind, facts, text }: Unit): boolean {
  return kind === "statement" && facts.runs && !EXPORT_HELPER.test(text.slice(0, text.indexOf("(")));
}

/** Of the bundle that was read last: most of the next one is the same. */
let known = new Map<string, CodeFacts>();
let met = new Map<string, CodeFacts>();

/** What code says depends on nothing but its text and what kind of syntax that is. */
function factsOf(node: Node, text: string): CodeFacts {
  const key = `${node.type} ${text}`;
  const facts = met.get(key) ?? known.get(key) ?? codeFacts(node);
  met.set(key, facts);
  return facts;
}

interface Placed {
  unit: Unit;
  start: number;
}

function readStatement(statement: Statement | Program["body"][number], text: string): Placed[] {
  const place = (part: Node, unit: Partial<Unit> & Pick<Unit, "kind">): Placed => ({
    start: part.start,
    unit: {
      names: [],
      text: text.slice(part.start, part.end),
      facts: unit.facts ?? factsOf(part, text.slice(part.start, part.end)),
      class: null,
      source: "",
      ...unit,
    },
  });
  switch (statement.type) {
    case "ImportDeclaration": {
      const from = String(statement.source.value);
      if (statement.specifiers.length === 0) return [place(statement, { kind: "statement" })];
      return statement.specifiers.map((specifier) =>
        place(specifier, {
          kind: "import",
          names: [specifier.local.name],
          text: `${text.slice(specifier.start, specifier.end)} from ${from}`,
          facts: noFacts(),
        }),
      );
    }
    case "FunctionDeclaration":
      return [place(statement, { kind: "function", names: [statement.id?.name ?? "default"] })];
    case "ClassDeclaration":
      return [
        place(statement, {
          kind: "class",
          names: [statement.id?.name ?? "default"],
          class: statement as Class,
        }),
      ];
    case "VariableDeclaration":
      return statement.declarations.map((declarator) => {
        const { id, init } = declarator;
        const names = patternNames(id);
        if (!init) return place(id, { kind: "constant", names, facts: noFacts() });
        if (id.type !== "Identifier") return place(declarator, { kind: "value", names });
        const node = unwrapped(init);
        return place(init, {
          kind: OUTSIDE.test(id.name) ? "import" : kindOf(node),
          names,
          class: node.type === "ClassExpression" ? (node as Class) : null,
        });
      });
    case "ExportNamedDeclaration":
      return statement.declaration ? readStatement(statement.declaration, text) : [];
    case "ExportDefaultDeclaration":
      return [place(statement, { kind: "value", names: ["default"] })];
    case "ExpressionStatement":
      if (isNaming(statement.expression)) return [];
      return [place(statement, { kind: "statement" })];
    default:
      return [place(statement, { kind: "statement", names: [...declaredNames(statement)] })];
  }
}

function noFacts(): CodeFacts {
  return codeFacts({ type: "EmptyStatement", start: 0, end: 0 });
}

/** `__name(helper, "helper");` */
function isNaming(node: Expression): boolean {
  return (
    node.type === "CallExpression" && node.callee.type === "Identifier" && NAME_HELPER.test(node.callee.name)
  );
}

/** The function or class within `__name(..., "name")`. */
function unwrapped(node: Expression): Expression {
  if (node.type !== "CallExpression" || !isNaming(node)) return node;
  return (node.arguments[0] ?? node) as Expression;
}

function kindOf(given: Expression): UnitKind {
  const node = given as AnyNode;
  if (isFunction(node)) return "function";
  switch (node.type) {
    case "ClassExpression":
      return "class";
    case "Literal":
      return node.regex ? "value" : "constant";
    case "TemplateLiteral":
      return node.expressions.every((part) => kindOf(part) === "constant") ? "constant" : "value";
    case "UnaryExpression":
      return node.operator === "delete" ? "value" : kindOf(node.argument);
    case "BinaryExpression":
    case "LogicalExpression":
      return kindOf(node.left as Expression) === "constant" ? kindOf(node.right) : "value";
    case "ConditionalExpression":
      return [node.test, node.consequent, node.alternate].every((part) => kindOf(part) === "constant")
        ? "constant"
        : "value";
    case "Identifier":
      // Whether the other one is a constant is seen when all are known.
      return "constant";
    case "MemberExpression":
      return isOfTheLanguage(node) ? "constant" : "value";
    default:
      return "value";
  }
}

/** `Object.defineProperty`, `Math.PI`: one and the same for all. */
function isOfTheLanguage({ object, computed }: MemberExpression): boolean {
  if (computed) return false;
  if (object.type === "MemberExpression") return isOfTheLanguage(object);
  return object.type === "Identifier" && LANGUAGE.test(object.name);
}

/** What is assigned to anywhere is neither a constant nor always the same function; nor is what depends on it. */
function settleKinds({ units, byName }: TopLevel): void {
  const assigned = new Set<string>();
  for (const { facts } of units) {
    for (const [name, how] of facts.names) if (how & ASSIGNED) assigned.add(name);
  }
  for (const [name, declaring] of byName) {
    if (!assigned.has(name) && declaring.length === 1) continue;
    for (const unit of declaring) if (unit.kind !== "statement") unit.kind = "value";
  }
  let settled = false;
  while (!settled) {
    settled = true;
    for (const unit of units) {
      if (unit.kind !== "constant" || [...unit.facts.names.keys()].every(isConstant)) continue;
      unit.kind = "value";
      settled = false;
    }
  }

  function isConstant(name: string): boolean {
    const declaring = byName.get(name);
    return declaring ? declaring.every(({ kind }) => kind === "constant") : LANGUAGE.test(name);
  }
}

function exportsOf(program: Program): Map<string, string> {
  const exported = new Map<string, string>();
  for (const statement of program.body) {
    if (statement.type !== "ExportNamedDeclaration" || statement.source) continue;
    for (const { local, exported: outside } of statement.specifiers) {
      if (local.type !== "Identifier") continue;
      exported.set(outside.type === "Identifier" ? outside.name : String(outside.value), local.name);
    }
  }
  return exported;
}
