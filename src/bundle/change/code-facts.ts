import type { AnyNode, Class, Expression, MemberExpression, Node, Pattern, Super } from "acorn";
import { childrenOf, declaredNames, type FunctionLike, isFunction, patternNames } from "./declared-names.ts";

export const CALLED = 1;
/** Used other than by calling it. */
export const TAKEN = 2;
export const ASSIGNED = 4;

/** What a piece of code could do, read from its text. Where it cannot be told, the worse is assumed. */
export interface CodeFacts {
  /** Identifiers that it does not declare itself, with how each is used. */
  names: Map<string, number>;
  /** x of `this.x` and `super.x`. */
  thisProperties: Set<string>;
  /** `this` is handed on, so that others may reach any of its members. */
  thisEscapes: boolean;
  /** Puts values on `this` or on what it holds; counting up and plain literals aside. */
  writesThis: boolean;
  /** Calls what is on `this`: `this.session.run()`, `this.encode()`. The first property of each. */
  thisCalls: Set<string>;
  /** Hands what it holds to other code. */
  passesThisParts: boolean;
  /** Changes what it was given, or what a function around it keeps: another's state. */
  writesParameters: boolean;
  writesCaptured: boolean;
  /** Names not declared here whose members it writes to: `process.env.X = 1`, `cache.set(k, v)`. */
  writtenRoots: Set<string>;
  /** Something runs as soon as the code is evaluated; functions in it aside. */
  runs: boolean;
  /** Awaits outside of any function. */
  waits: boolean;
  hasPrivateNames: boolean;
}

/** Calls that put their arguments into what they are called on. */
const STORES =
  /^(set|add|push|unshift|splice|fill|copyWithin|append|prepend|put|insert|enqueue|store|save|remember|register|assign|write|update|cache|memoize)$/;
/** Calls that give away a part of what they are called on. */
const LENDS = /^(get|at|find|findLast|values|entries|keys|peek)$/;
/** Calls that are done with their callbacks when they return. */
const BRIEF =
  /^(forEach|map|flatMap|filter|reduce|reduceRight|some|every|find\w*|sort|toSorted|replace|replaceAll|from)$/;
/** Functions of the language that change their first argument. */
const CHANGES_ARGUMENT =
  /^(Object\.(assign|definePropert(y|ies)|setPrototypeOf)|Reflect\.(set|defineProperty))$/;
/** esbuild's helpers whose function arguments run later, or never change anything. */
const DEFERS = /^__(commonJS|esm|name)\d*$/;

export function codeFacts(code: Node): CodeFacts {
  const facts: CodeFacts = {
    names: new Map(),
    thisProperties: new Set(),
    thisEscapes: false,
    writesThis: false,
    thisCalls: new Set(),
    passesThisParts: false,
    writesParameters: false,
    writesCaptured: false,
    writtenRoots: new Set(),
    runs: false,
    waits: false,
    hasPrivateNames: false,
  };
  new FactReader(facts).read(code);
  return facts;
}

/** Where a chain of members begins. */
type Root = { kind: "this" | "other" } | { kind: "name"; name: string };

interface Scope {
  names: Set<string>;
  parameters: Set<string>;
  /** A callback that is over before the call it is given to: what it writes, the function around it writes. */
  brief: boolean;
}

class FactReader {
  readonly #facts: CodeFacts;
  readonly #scopes: Scope[] = [];
  /** Local names that stand for something `this` holds. */
  readonly #lent = new Set<string>();
  #functions = 0;
  #constructors = 0;

  constructor(facts: CodeFacts) {
    this.#facts = facts;
  }

  read(code: Node): void {
    this.#scopes.push({
      names: isFunction(code) ? new Set() : declaredNames(code),
      parameters: new Set(),
      brief: false,
    });
    this.#visit(code);
  }

  #visit(given: Node): void {
    const node = given as AnyNode;
    const { body } = node as { body?: Node };
    if (isFunction(node) && body) return this.#function(node as unknown as FunctionLike);
    switch (node.type) {
      case "Identifier":
        return this.#use(node.name, TAKEN);
      case "PrivateIdentifier":
        this.#facts.hasPrivateNames = true;
        return;
      case "ThisExpression":
        this.#facts.thisEscapes = true;
        return;
      case "MemberExpression":
        return this.#member(node);
      case "CallExpression":
      case "NewExpression":
        return this.#call(node.callee, node.arguments, node.type === "NewExpression");
      case "TaggedTemplateExpression":
        this.#call(node.tag, []);
        return this.#visit(node.quasi);
      case "AssignmentExpression":
        return this.#assign(node.left, node.operator, node.right);
      case "UpdateExpression":
        this.#runs();
        return this.#target(node.argument as Pattern, { counts: true });
      case "ForInStatement":
      case "ForOfStatement":
        this.#runs();
        if (node.left.type !== "VariableDeclaration") this.#target(node.left);
        else if (this.#lends(node.right)) for (const one of node.left.declarations) this.#lend(one.id);
        break;
      case "VariableDeclarator":
        if (node.init && this.#lends(node.init)) this.#lend(node.id);
        break;
      case "AwaitExpression":
        if (this.#functions === 0) this.#facts.waits = true;
        this.#runs();
        break;
      case "ImportExpression":
      case "YieldExpression":
      case "ThrowStatement":
        this.#runs();
        break;
      case "UnaryExpression":
        if (node.operator === "delete") this.#target(node.argument as Pattern);
        break;
      case "Property":
      case "MethodDefinition":
      case "PropertyDefinition":
        return this.#property(node);
      case "ClassDeclaration":
      case "ClassExpression":
        return this.#class(node as Class);
      case "LabeledStatement":
        return this.#visit(node.body);
      case "BreakStatement":
      case "ContinueStatement":
      case "MetaProperty":
        return;
    }
    for (const child of childrenOf(node)) this.#visit(child);
  }

  #function(node: FunctionLike, brief = false): void {
    const parameters = new Set(node.params.flatMap(patternNames));
    this.#scopes.push({ names: declaredNames(node), parameters, brief });
    this.#functions += 1;
    for (const param of node.params) this.#visit(param);
    this.#visit(node.body);
    this.#functions -= 1;
    this.#scopes.pop();
  }

  #class(node: Class): void {
    this.#scopes.push({ names: new Set(node.id ? [node.id.name] : []), parameters: new Set(), brief: false });
    if (node.superClass) this.#visit(node.superClass);
    this.#visit(node.body);
    this.#scopes.pop();
  }

  #property(node: Extract<AnyNode, { type: "Property" | "MethodDefinition" | "PropertyDefinition" }>): void {
    if (node.computed || node.key.type === "PrivateIdentifier") this.#visit(node.key);
    if (!node.value) return;
    const isConstructor = node.type === "MethodDefinition" && node.kind === "constructor";
    // The fields of instances are made when there is one, not now.
    const isLater = node.type === "PropertyDefinition" && !node.static;
    this.#constructors += isConstructor ? 1 : 0;
    this.#functions += isLater ? 1 : 0;
    this.#visit(node.value);
    this.#functions -= isLater ? 1 : 0;
    this.#constructors -= isConstructor ? 1 : 0;
  }

  #member(node: MemberExpression): void {
    const { object, property, computed } = node;
    if (object.type === "ThisExpression" || object.type === "Super") {
      const name = literalName(node);
      if (name === null) this.#facts.thisEscapes = true;
      else this.#facts.thisProperties.add(name);
      if (property.type === "PrivateIdentifier") this.#facts.hasPrivateNames = true;
    } else {
      this.#visit(object);
      if (property.type === "PrivateIdentifier") this.#facts.hasPrivateNames = true;
    }
    if (computed) this.#visit(property);
  }

  #call(callee: Expression | Super, args: readonly Node[], isNew = false): void {
    if (callee.type === "Identifier" && DEFERS.test(callee.name)) {
      this.#use(callee.name, CALLED);
      // `__name(this, "Model")` gives the class its name.
      for (const arg of args) if (arg.type !== "ThisExpression") this.#visit(arg);
      return;
    }
    this.#runs();
    if (callee.type === "Identifier") this.#use(callee.name, CALLED);
    else if (callee.type !== "Super") this.#visit(callee);
    const root = rootOf(callee);
    if (callee.type === "MemberExpression" && !isNew) {
      const method = literalName(callee) ?? "";
      if (STORES.test(method)) this.#writes(root);
      if (CHANGES_ARGUMENT.test(memberText(callee)) && args[0]) this.#writes(rootOf(args[0]));
      if (this.#isLent(root)) {
        this.#facts.thisCalls.add(firstProperty(callee) ?? "");
        for (const arg of args) if (isFunction(arg)) this.#lendParameters(arg as FunctionLike);
      }
    }
    for (const arg of args) {
      if (arg.type !== "ThisExpression" && this.#lends(arg)) this.#facts.passesThisParts = true;
      if (isFunction(arg)) this.#function(arg as FunctionLike, BRIEF.test(calledName(callee)));
      else this.#visit(arg);
    }
  }

  #assign(left: Pattern, operator: string, right: Expression): void {
    this.#runs();
    this.#visit(right);
    if (left.type === "Identifier" && this.#lends(right)) this.#lend(left);
    this.#target(left, { counts: operator !== "??=" && isCounting(right, operator) });
  }

  /** `counts`: what is written depends on nothing but numbers and what was there. */
  #target(target: Pattern, { counts = false } = {}): void {
    switch (target.type) {
      case "Identifier":
        if (this.#isCaptured(this.#scopeOf(target.name))) this.#facts.writesCaptured = true;
        return this.#use(target.name, ASSIGNED);
      case "MemberExpression": {
        const root = rootOf(target);
        if (!(counts && root.kind === "this")) this.#writes(root);
        return this.#member(target);
      }
      case "AssignmentPattern":
        this.#visit(target.right);
        return this.#target(target.left);
      case "RestElement":
        return this.#target(target.argument);
      case "ArrayPattern":
        for (const element of target.elements) if (element) this.#target(element);
        return;
      case "ObjectPattern":
        for (const property of target.properties) {
          if (property.type === "RestElement") this.#target(property.argument);
          else {
            if (property.computed) this.#visit(property.key);
            this.#target(property.value);
          }
        }
    }
  }

  /** A member of what `root` stands for is written to. */
  #writes(root: Root): void {
    this.#runs();
    if (this.#isLent(root)) {
      if (this.#constructors === 0) this.#facts.writesThis = true;
      return;
    }
    if (root.kind !== "name") return;
    const { name } = root;
    const at = this.#scopeOf(name);
    if (at === -1) this.#facts.writtenRoots.add(name);
    else if (this.#scopes[at]?.parameters.has(name) === true) this.#facts.writesParameters = true;
    if (this.#isCaptured(at)) this.#facts.writesCaptured = true;
  }

  #scopeOf(name: string): number {
    return this.#scopes.findLastIndex(({ names }) => names.has(name));
  }

  /** Does it belong to a function that may be over by the time it is written to? */
  #isCaptured(at: number): boolean {
    return at !== -1 && at < this.#scopes.findLastIndex(({ brief }) => !brief);
  }

  #use(name: string, how: number): void {
    if (this.#scopes.some(({ names }) => names.has(name))) return;
    const { names } = this.#facts;
    names.set(name, (names.get(name) ?? 0) | how);
  }

  #runs(): void {
    if (this.#functions === 0) this.#facts.runs = true;
  }

  #isLent(root: Root): boolean {
    return root.kind === "this" || (root.kind === "name" && this.#lent.has(root.name));
  }

  /** Is it, or a part of it, something that `this` holds? */
  #lends(value: Node): boolean {
    switch (value.type) {
      case "MemberExpression":
      case "ThisExpression":
        return this.#isLent(rootOf(value));
      case "Identifier":
        return this.#lent.has((value as { name?: string }).name ?? "");
      case "AwaitExpression":
      case "SpreadElement":
        return this.#lends((value as unknown as { argument: Node }).argument);
      case "ChainExpression":
        return this.#lends((value as unknown as { expression: Node }).expression);
      case "LogicalExpression":
      case "AssignmentExpression": {
        const { left, right } = value as unknown as { left: Node; right: Node };
        return this.#lends(left) || this.#lends(right);
      }
      case "ConditionalExpression": {
        const { consequent, alternate } = value as unknown as { consequent: Node; alternate: Node };
        return this.#lends(consequent) || this.#lends(alternate);
      }
      case "CallExpression": {
        const { callee } = value as unknown as { callee: Node };
        if (callee.type !== "MemberExpression") return false;
        return LENDS.test(literalName(callee as MemberExpression) ?? "") && this.#isLent(rootOf(callee));
      }
      default:
        return false;
    }
  }

  #lend(pattern: Pattern): void {
    for (const name of patternNames(pattern)) this.#lent.add(name);
  }

  #lendParameters(callback: FunctionLike): void {
    for (const param of callback.params) this.#lend(param);
  }
}

function rootOf(given: Node): Root {
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
function literalName({ property, computed }: MemberExpression): string | null {
  if (property.type === "PrivateIdentifier") return `#${property.name}`;
  if (!computed) return property.type === "Identifier" ? property.name : null;
  return property.type === "Literal" && typeof property.value === "string" ? property.value : null;
}

/** a of `this.a.b.c`. */
function firstProperty(node: MemberExpression): string | null {
  const { object } = node;
  if (object.type === "MemberExpression") return firstProperty(object);
  return object.type === "ThisExpression" || object.type === "Super" ? literalName(node) : null;
}

function calledName(callee: Node): string {
  return callee.type === "MemberExpression" ? (literalName(callee as MemberExpression) ?? "") : "";
}

function memberText(node: MemberExpression): string {
  return node.object.type === "Identifier" ? `${node.object.name}.${literalName(node) ?? ""}` : "";
}

/** Numbers, texts and truths, arithmetic with them and with what is on `this`. */
function isCounting(given: Node, operator: string): boolean {
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
