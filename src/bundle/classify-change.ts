import type { Class, MethodDefinition, Node, PropertyDefinition, StaticBlock } from "acorn";
import { type BundleOutline, type Mentions, mentionsOf, outlineBundle } from "./bundle-outline.ts";
import { walk } from "./walk-syntax.ts";

export interface ChangeKind {
  /** `methods`: the new methods can be put on the loaded instance. `process`: a new process must load. */
  kind: "methods" | "process";
  /** For people: what decided it. */
  reason: string;
}

/** Run before requests are: what they leave behind must be what the new code would have left. */
const LOADING = new Set(["constructor", "load", "setupEnvironment"]);
/** Doing these again leaves something running twice. */
const LASTING = ["setInterval", "setTimeout", "eval", "Function"];

/**
 * Decides from two bundles of the model whether swapping methods is sound: nothing that loading reaches has
 * changed, and nothing that loading leaves behind lies where the new code would look for it in vain. Whatever
 * cannot be told is answered with a new process.
 */
export function classifyCodeChange(before: string, after: string, className: string): ChangeKind {
  let old: BundleOutline | null;
  let now: BundleOutline | null;
  try {
    old = outlineBundle(before, className);
    now = outlineBundle(after, className);
  } catch {
    return inDoubt("the code could not be compared");
  }
  if (old === null || now === null) return inDoubt("the class is not declared in the bundle itself");
  const was = reachOf(old);
  const is = reachOf(now);
  return (
    privateNames(is) ??
    changedLoading(was, is) ??
    changedEffects(old, now) ??
    assignedByLoading(is) ??
    sharedState(is) ??
    sharedIdentity(is) ?? { kind: "methods", reason: changedMethods(was, is) }
  );
}

/** A class with its base classes in the same bundle, split by when their code runs. */
interface Reach {
  outline: BundleOutline;
  classes: Class[];
  /** Members that run while loading, by a name for people. */
  loading: Map<string, Node>;
  /** The other members. */
  methods: Map<string, Node>;
  loadNames: Set<string>;
  methodNames: Set<string>;
}

type Member = MethodDefinition | PropertyDefinition | StaticBlock;

function reachOf(outline: BundleOutline): Reach {
  const classes = classChain(outline);
  const members = new Map<string, Node>();
  const loading = new Map<string, Node>();
  classes.forEach((node, depth) => {
    if (node.superClass) loading.set(`extends#${depth}`, node.superClass);
    node.body.body.forEach((member, index) => {
      const name = memberName(member);
      const key = depth === 0 ? name : `${name}#${depth}`;
      if (runsWhileLoading(member))
        loading.set(member.type === "StaticBlock" ? `static#${depth}.${index}` : key, member);
      else members.set(key, member);
    });
  });
  pullInCalledMembers(loading, members);
  return {
    outline,
    classes,
    loading,
    methods: members,
    loadNames: reachable(outline, [...loading.values()].map(mentionsOf)),
    methodNames: reachable(outline, [...members.values()].map(mentionsOf)),
  };
}

function classChain({ modelClass, bindings }: BundleOutline): Class[] {
  const chain: Class[] = [];
  for (let node: Class | null = modelClass; node !== null && !chain.includes(node);) {
    chain.push(node);
    const base: Node | null | undefined = node.superClass;
    const name = base?.type === "Identifier" ? (base as Node & { name: string }).name : "";
    node = classOf(bindings.get(name)?.node);
  }
  return chain;
}

function classOf(node: Node | undefined): Class | null {
  if (node === undefined) return null;
  const value =
    node.type === "VariableDeclarator" ? ((node as unknown as { init: Node | null }).init ?? node) : node;
  return value.type === "ClassDeclaration" || value.type === "ClassExpression" ? (value as Class) : null;
}

function memberName(member: Member): string {
  if (member.type === "StaticBlock") return "static";
  const key = member.key as unknown as { name?: string; value?: unknown };
  return `${member.static ? "static " : ""}${key.name ?? String(key.value ?? "computed")}`;
}

function runsWhileLoading(member: Member): boolean {
  if (member.type !== "MethodDefinition") return true;
  return member.computed || member.static || LOADING.has(memberName(member));
}

/** A method that loading code names may be called by it, and then runs while loading, too. */
function pullInCalledMembers(loading: Map<string, Node>, members: Map<string, Node>): void {
  for (let grew = true; grew;) {
    grew = false;
    const named = new Set([...loading.values()].flatMap((node) => [...mentionsOf(node).properties]));
    for (const [key, node] of members) {
      if (!named.has(key.replace(/#\d+$/, ""))) continue;
      loading.set(key, node);
      members.delete(key);
      grew = true;
    }
  }
}

/** Names of top-level bindings that code with these mentions can get to. */
function reachable({ bindings }: BundleOutline, from: readonly Mentions[]): Set<string> {
  const found = new Set<string>();
  const queue = from.flatMap(({ names }) => [...names]);
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    const binding = bindings.get(name);
    if (binding === undefined || found.has(name)) continue;
    found.add(name);
    queue.push(...binding.mentions.names);
  }
  return found;
}

function privateNames({ classes }: Reach): ChangeKind | null {
  let found = false;
  for (const node of classes) {
    walk(node, (each) => {
      if (each.type === "PrivateIdentifier") found = true;
    });
  }
  return found ? inDoubt("the class has #private names") : null;
}

function changedLoading(was: Reach, is: Reach): ChangeKind | null {
  const keys = new Set([...was.loading.keys(), ...is.loading.keys()]);
  for (const key of keys) {
    const [before, after] = [was.loading.get(key), is.loading.get(key)];
    const same = before && after && was.outline.textOf(before) === is.outline.textOf(after);
    if (!same) return inDoubt(`${nameForPeople(key)} changed`);
  }
  for (const name of new Set([...was.loadNames, ...is.loadNames])) {
    const [before, after] = [was.outline.bindings.get(name), is.outline.bindings.get(name)];
    if (isModelClass(is, name)) continue;
    if (before?.text !== after?.text) return inDoubt(`${name}, which loading uses, changed`);
  }
  return null;
}

function changedEffects(old: BundleOutline, now: BundleOutline): ChangeKind | null {
  const texts = (outline: BundleOutline): string => outline.effects.map(({ text }) => text).join("\n");
  if (texts(old) !== texts(now)) return inDoubt("code at the top of a module changed");
  const again = now.effects.find(({ isPlainSetting }) => !isPlainSetting);
  if (again !== undefined) return inDoubt("code at the top of a module would run a second time");
  for (const [name, { kind, mentions }] of now.bindings) {
    if (kind !== "value") continue;
    const lasting = LASTING.find((word) => mentions.names.has(word));
    if (lasting !== undefined) return inDoubt(`${name} would be made a second time`);
  }
  return null;
}

function assignedByLoading({ loading, loadNames, outline }: Reach): ChangeKind | null {
  const code = [
    ...[...loading.values()].map(mentionsOf),
    ...[...loadNames].map((name) => outline.bindings.get(name)?.mentions as Mentions),
  ];
  for (const { assigned } of code) {
    const name = [...assigned].find((each) => outline.bindings.has(each));
    if (name !== undefined) return inDoubt(`loading assigns the module-level ${name}`);
  }
  return null;
}

/** A Map that load fills and predict reads would be empty in the new module. */
function sharedState({ loadNames, methodNames, outline }: Reach): ChangeKind | null {
  for (const name of loadNames) {
    if (methodNames.has(name) && outline.bindings.get(name)?.kind === "value") {
      return inDoubt(`the module-level ${name} is used by loading and by requests`);
    }
  }
  return null;
}

/** Objects made while loading have the old module's classes: instanceof and statics of the new ones differ. */
function sharedIdentity(reach: Reach): ChangeKind | null {
  const { loadNames, methodNames, methods, outline } = reach;
  const asked = new Set([
    ...[...methods.values()].flatMap((node) => [...mentionsOf(node).identities]),
    ...[...methodNames].flatMap((name) => [...(outline.bindings.get(name)?.mentions.identities ?? [])]),
  ]);
  for (const name of asked) {
    const binding = outline.bindings.get(name);
    if (binding?.kind !== "code" || !loadNames.has(name) || /^__|^require$/.test(name)) continue;
    if (classOf(binding.node) !== null)
      return inDoubt(`requests ask for the identity of ${name}, which loading uses`);
  }
  return null;
}

function changedMethods(was: Reach, is: Reach): string {
  const changed = [...new Set([...was.methods.keys(), ...is.methods.keys()])].filter((key) => {
    const [before, after] = [was.methods.get(key), is.methods.get(key)];
    return !(before && after && was.outline.textOf(before) === is.outline.textOf(after));
  });
  const helpers = [...is.methodNames].filter(
    (name) =>
      !isModelClass(is, name) && was.outline.bindings.get(name)?.text !== is.outline.bindings.get(name)?.text,
  );
  const names = [...changed.map(nameForPeople), ...helpers];
  if (names.length === 0) return "only comments or layout changed";
  const shown = names.slice(0, 3).join(", ");
  return `${shown}${names.length > 3 ? " and more" : ""} changed; what load made stays in memory`;
}

function isModelClass({ classes, outline }: Reach, name: string): boolean {
  const node = classOf(outline.bindings.get(name)?.node);
  return node !== null && classes.includes(node);
}

function nameForPeople(key: string): string {
  if (key.startsWith("extends")) return "the base class";
  if (key.startsWith("static#")) return "a static block";
  return key.replace(/#\d+$/, " (of a base class)");
}

function inDoubt(reason: string): ChangeKind {
  return { kind: "process", reason };
}
