import type {
  AnyNode,
  Class,
  Expression,
  Identifier,
  MemberExpression,
  Node,
  ObjectPattern,
  Pattern,
  SpreadElement,
  Super,
} from "acorn";
import { childrenOf, declaredNames, type FunctionLike, isFunction, patternNames } from "./declared-names.ts";
import { LentNames } from "./lent-names.ts";
import {
  calledName,
  isCounting,
  isOfThis,
  literalName,
  memberText,
  type Root,
  rootOf,
  takerOf,
} from "./member-roots.ts";

export const CALLED = 1;
/** Used other than by calling it. */
export const TAKEN = 2;
export const ASSIGNED = 4;
/** Called by `new`: what comes of it can be told from what another copy makes. */
export const MADE = 8;

/** What a piece of code could do, read from its text. Where it cannot be told, the worse is assumed. */
export interface CodeFacts {
  /** Identifiers that it does not declare itself, with how each is used. */
  names: Map<string, number>;
  /** x of `this.x` and `super.x`. */
  thisProperties: Set<string>;
  /** Those that functions in it speak of: they may be called at any time. */
  laterProperties: Set<string>;
  /** `this` is handed on, so that others may reach any of its members. */
  thisEscapes: boolean;
  /** Puts values on `this` or on what it holds; counting up and plain literals aside. */
  writesThis: boolean;
  /** Changes what `this` holds in itself: `this.cache.set(k, v)`, as `this.cache = v` does not. */
  changesThisParts: boolean;
  /** Names of what it calls on parts of `this`: run of `this.session.run()`. */
  partCalls: Set<string>;
  /** Names of what it calls on `this`: encode of `this.encode()`. */
  thisCalls: Set<string>;
  /** To whom it hands parts of `this`, what it was given itself, and what belongs to the code around it. */
  givesThisParts: Given[];
  givesParameters: Given[];
  givesCaptured: Given[];
  /** Names of the methods and properties that it declares. */
  propertyNames: Set<string>;
  /** Which of the things that it was given it changes, by their index. */
  writesParameters: Set<number>;
  /** Changes what a function around it keeps. */
  writesCaptured: boolean;
  /** Names not declared here whose members it writes to: `process.env.X = 1`, `cache.set(k, v)`. */
  writtenRoots: Set<string>;
  /** Something runs as soon as the code is evaluated; functions in it aside. */
  runs: boolean;
  /** Awaits outside of any function. */
  waits: boolean;
  /** A constructor that may give another object than the one it was called for. */
  returnsOther: boolean;
  hasPrivateNames: boolean;
}

/** An argument of a call. */
export interface Given {
  /** Who is called, as code at the top level knows it; empty where that cannot be told. */
  taker: string;
  at: number;
  /** The index of the parameter that it is, where it is one. */
  from: number;
}

/** In place of an index: it may be any. */
export const ANY = -1;

/** Calls that put their arguments into what they are called on. */
const STORES =
  /^(set|add|push|unshift|splice|fill|copyWithin|append|prepend|put|insert|enqueue|store|save|remember|register|assign|write|update|cache|memoize)$/;
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
    laterProperties: new Set(),
    thisEscapes: false,
    writesThis: false,
    changesThisParts: false,
    partCalls: new Set(),
    thisCalls: new Set(),
    givesThisParts: [],
    givesParameters: [],
    givesCaptured: [],
    propertyNames: new Set(),
    writesParameters: new Set(),
    writesCaptured: false,
    writtenRoots: new Set(),
    runs: false,
    waits: false,
    returnsOther: false,
    hasPrivateNames: false,
  };
  new FactReader(facts).read(code);
  return facts;
}

interface Scope {
  names: Set<string>;
  /** With their indexes. */
  parameters: Map<string, number>;
  /** A callback that is over before the call it is given to: what it writes, the function around it writes. */
  brief: boolean;
}

class FactReader {
  readonly #facts: CodeFacts;
  readonly #scopes: Scope[] = [];
  readonly #lent = new LentNames();
  #functions = 0;
  #constructors = 0;

  constructor(facts: CodeFacts) {
    this.#facts = facts;
  }

  read(code: Node): void {
    this.#scopes.push({
      names: isFunction(code) ? new Set() : declaredNames(code),
      parameters: new Map(),
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
        else if (this.#lent.has(node.right)) for (const one of node.left.declarations) this.#lent.add(one.id);
        break;
      case "VariableDeclarator":
        if (node.init && this.#lent.has(node.init)) this.#lent.add(node.id);
        if (node.init?.type === "ThisExpression" && node.id.type === "ObjectPattern")
          return this.#takeApart(node.id.properties);
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
        return;
      case "MetaProperty":
        // `new.target` is the class, and all its methods with it.
        if (node.meta.name === "new") this.#facts.thisEscapes = true;
        return;
      case "ReturnStatement":
        if (node.argument && this.#constructors > 0 && this.#functions === 1) this.#facts.returnsOther = true;
        break;
    }
    for (const child of childrenOf(node)) this.#visit(child);
  }

  #function(node: FunctionLike, brief = false): void {
    const parameters = new Map(
      node.params.flatMap((param, at) => patternNames(param).map((name): [string, number] => [name, at])),
    );
    this.#scopes.push({ names: declaredNames(node), parameters, brief });
    this.#functions += brief ? 0 : 1;
    for (const param of node.params) this.#visit(param);
    this.#visit(node.body);
    this.#functions -= brief ? 0 : 1;
    this.#scopes.pop();
  }

  #class(node: Class): void {
    this.#scopes.push({ names: new Set(node.id ? [node.id.name] : []), parameters: new Map(), brief: false });
    if (node.superClass) this.#visit(node.superClass);
    this.#visit(node.body);
    this.#scopes.pop();
  }

  #property(node: Extract<AnyNode, { type: "Property" | "MethodDefinition" | "PropertyDefinition" }>): void {
    if (node.computed || node.key.type === "PrivateIdentifier") this.#visit(node.key);
    else if (node.key.type === "Identifier") this.#facts.propertyNames.add(node.key.name);
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
      else this.#reads(name);
      // Not a property of its own, but another prototype than the one that is swapped.
      if (name === "__proto__") this.#facts.thisEscapes = true;
      if (property.type === "PrivateIdentifier") this.#facts.hasPrivateNames = true;
    } else {
      this.#visit(object);
      if (property.type === "PrivateIdentifier") this.#facts.hasPrivateNames = true;
    }
    if (computed) this.#visit(property);
  }

  /** `const { session } = this` */
  #takeApart(properties: ObjectPattern["properties"]): void {
    for (const property of properties) {
      const key = property.type === "Property" && !property.computed ? (property.key as Identifier) : null;
      if (key?.type === "Identifier") this.#reads(key.name);
      else this.#facts.thisEscapes = true;
      this.#visit(property.type === "Property" ? property.value : property);
    }
  }

  #reads(name: string): void {
    this.#facts.thisProperties.add(name);
    if (this.#functions > 1) this.#facts.laterProperties.add(name);
  }

  #call(callee: Expression | Super, args: readonly Node[], isNew = false): void {
    if (callee.type === "Identifier" && DEFERS.test(callee.name)) {
      this.#use(callee.name, CALLED);
      // `__name(this, "Model")` gives the class its name.
      for (const arg of args) if (arg.type !== "ThisExpression") this.#visit(arg);
      return;
    }
    this.#runs();
    if (callee.type === "Identifier") this.#use(callee.name, isNew ? CALLED | MADE : CALLED);
    else if (callee.type !== "Super") this.#visit(callee);
    const root = rootOf(callee);
    if (callee.type === "MemberExpression" && !isNew) {
      const method = literalName(callee) ?? "";
      if (STORES.test(method)) this.#writes(root, true);
      if (CHANGES_ARGUMENT.test(memberText(callee)) && args[0]) this.#writes(rootOf(args[0]), true);
      if (this.#lent.begins(root)) {
        (isOfThis(callee) ? this.#facts.thisCalls : this.#facts.partCalls).add(method);
        for (const arg of args) if (isFunction(arg)) this.#lent.addParameters(arg as FunctionLike);
      }
    }
    const spread = args.findIndex(({ type }) => type === "SpreadElement");
    for (const [index, arg] of args.entries()) {
      this.#gives(arg, { taker: takerOf(callee), at: spread === -1 || index < spread ? index : ANY });
      if (isFunction(arg)) this.#function(arg as FunctionLike, BRIEF.test(calledName(callee)));
      else this.#visit(arg);
    }
  }

  #assign(left: Pattern, operator: string, right: Expression): void {
    this.#runs();
    this.#visit(right);
    if (left.type === "Identifier" && this.#lent.has(right)) this.#lent.add(left);
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
        if (!(counts && root.kind === "this")) this.#writes(root, !isOfThis(target));
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

  /** A member of what `root` stands for is written to, or of a part of it. */
  #writes(root: Root, isPart: boolean): void {
    this.#runs();
    if (this.#lent.begins(root)) {
      if (this.#constructors === 0) this.#facts.writesThis = true;
      if (isPart) this.#facts.changesThisParts = true;
      return;
    }
    if (root.kind !== "name") return;
    const { name } = root;
    const at = this.#scopeOf(name);
    if (at === -1) this.#facts.writtenRoots.add(name);
    const parameter = this.#parameterOf(root);
    if (parameter !== null) this.#facts.writesParameters.add(parameter);
    if (this.#isCaptured(at)) this.#facts.writesCaptured = true;
  }

  #gives(arg: Node, to: Omit<Given, "from">): void {
    const root = rootOf(arg.type === "SpreadElement" ? (arg as SpreadElement).argument : arg);
    const from = this.#parameterOf(root);
    const given = { ...to, from: from ?? ANY };
    if (arg.type !== "ThisExpression" && this.#lent.has(arg)) this.#facts.givesThisParts.push(given);
    if (root.kind !== "name") return;
    const at = this.#scopeOf(root.name);
    if (from !== null) this.#facts.givesParameters.push(given);
    if (at === -1 || this.#isCaptured(at)) this.#facts.givesCaptured.push(given);
  }

  /** The index of the parameter that a chain of members begins at; null where it is none. */
  #parameterOf(root: Root): number | null {
    if (root.kind !== "name") return null;
    const at = this.#scopeOf(root.name);
    const index = this.#scopes[at]?.parameters.get(root.name) ?? null;
    // What a callback is given may be a part of anything.
    return index !== null && at > 1 ? ANY : index;
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
}
