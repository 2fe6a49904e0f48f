import { isAlias, isMap, isScalar, isSeq, type Node, type Pair } from "yaml";
import type { Problem } from "../errors.ts";
import { hideSecrets } from "./hide-secrets.ts";
import { type KeyPath, keyPathText } from "./key-path.ts";
import type { SourceText, Span } from "./source-text.ts";

/** Far above what a person writes; below what an alias bomb unfolds to. */
const MOST_VALUES = 50_000;
const DEEPEST = 64;

type YamlNode = Node | null | undefined;

/** Turns YAML nodes into plain data, and finds the place of a path in them. */
export class YamlReader {
  readonly problems: Problem[] = [];
  readonly #source: SourceText;
  readonly #anchors = new Map<string, Node>();
  readonly #targets = new Map<Node, Node>();
  readonly #open = new Set<Node>();
  #values = 0;

  constructor(source: SourceText) {
    this.#source = source;
  }

  readRoot(root: YamlNode): Record<string, unknown> | undefined {
    if (root === null || root === undefined || (isScalar(root) && root.value === null)) return {};
    if (!isMap(root)) {
      const hint = "Write keys, as in: model_name: my-model";
      const message = `${this.#source.file} must be a map of keys, not ${isSeq(root) ? "a list" : "a single value"}`;
      this.problems.push({ message, location: this.#source.location(spanOf(root)), hint });
      return undefined;
    }
    // Before anything is said about the text: no message may show a line of these.
    hideSecrets(root, this.#source);
    return this.#read(root, []) as Record<string, unknown>;
  }

  /** Of a doubled key, the one that leads farthest along the path; the last of equals. */
  span(root: YamlNode, path: KeyPath, which: "key" | "value"): Span {
    let best: Place = { span: spanOf(root), depth: 0 };
    for (const place of this.#places({ node: root, path, which, depth: 0 })) {
      if (place.depth >= best.depth) best = place;
    }
    return best.span;
  }

  *#places({ node, path, which, depth }: Search): Generator<Place> {
    const container = node ? (this.#targets.get(node) ?? node) : node;
    const step = path[depth];
    if (step === undefined) return;
    const last = depth === path.length - 1;
    const children: { node: YamlNode; key: YamlNode }[] = [];
    if (isMap(container)) {
      for (const pair of container.items) {
        if (keyText(pair) === step)
          children.push({ node: pair.value as YamlNode, key: pair.key as YamlNode });
      }
    } else if (isSeq(container) && typeof step === "number") {
      const item = container.items[step] as YamlNode;
      if (item) children.push({ node: item, key: item });
    }
    for (const child of children) {
      const span = spanOf(which === "value" && last && child.node ? child.node : child.key);
      yield { span, depth: depth + 1 };
      yield* this.#places({ node: child.node, path, which, depth: depth + 1 });
    }
  }

  #read(node: YamlNode, path: KeyPath): unknown {
    if (!node) return null;
    this.#values += 1;
    if (this.#values > MOST_VALUES) {
      if (this.#values === MOST_VALUES + 1) {
        this.#problem(node, path, `unfolds to more than ${MOST_VALUES} values`, "Use fewer aliases.");
      }
      return null;
    }
    if (path.length > DEEPEST) {
      this.#problem(node, path.slice(0, 1), `nests deeper than ${DEEPEST} levels`);
      return null;
    }
    if (isAlias(node)) return this.#readAlias(node, path);
    if (node.anchor !== undefined) this.#anchors.set(node.anchor, node);
    if (isScalar(node)) return this.#readScalar(node, path);
    this.#open.add(node);
    const value = isMap(node)
      ? this.#readMap(node.items as Pair<Node, Node | null>[], path)
      : isSeq(node)
        ? node.items.map((item, index) => this.#read(item as YamlNode, [...path, index]))
        : null;
    this.#open.delete(node);
    return value;
  }

  #readAlias(node: Node & { source: string }, path: KeyPath): unknown {
    const target = this.#anchors.get(node.source);
    if (!target || this.#open.has(target)) {
      const reason = target
        ? "is an alias of something that holds it"
        : "is an alias without an anchor before it";
      this.#problem(node, path, reason);
      return null;
    }
    this.#targets.set(node, target);
    return this.#read(target, path);
  }

  #readMap(items: readonly Pair<Node, Node | null>[], path: KeyPath): Record<string, unknown> {
    const map: Record<string, unknown> = {};
    const first = new Map<string, Node>();
    for (const pair of items) {
      const key = keyText(pair);
      if (key === undefined || key === "" || key === "__proto__") {
        this.#problem(pair.key, path, "holds a key that is not a name");
        continue;
      }
      const earlier = first.get(key);
      if (earlier) {
        const line = this.#source.location(spanOf(earlier)).line;
        this.#problem(
          pair.key,
          [...path, key],
          `is given twice; first in line ${line}`,
          "Keep one of the two.",
        );
      } else first.set(key, pair.key);
      const value = this.#read(pair.value, [...path, key]);
      // What stands in the first of two maps is checked as well.
      map[key] = earlier ? mergeMaps(map[key], value) : value;
    }
    return map;
  }

  #readScalar(node: { value: unknown; source?: string } & Node, path: KeyPath): unknown {
    const { value } = node;
    if (typeof value !== "number") return value;
    // `1.10` and `0x1F` are meant as they are written.
    if (isVariable(path)) return node.source ?? String(value);
    if (!Number.isFinite(value)) this.#problem(node, path, "must be a number that JSON can hold");
    else if (
      Number.isInteger(value) &&
      !Number.isSafeInteger(value) &&
      /^[-+\da-fox]+$/i.test(node.source ?? "")
    ) {
      this.#problem(node, path, "has more digits than a number can hold", "Put it in quotes.");
    }
    return value;
  }

  #problem(node: YamlNode, path: KeyPath, reason: string, hint?: string): void {
    const name = path.length === 0 ? this.#source.file : `\`${keyPathText(path)}\``;
    const location = this.#source.location(spanOf(node));
    this.problems.push({ message: `${name} ${reason}`, location, ...(hint ? { hint } : {}) });
  }
}

interface Search {
  node: YamlNode;
  path: KeyPath;
  which: "key" | "value";
  depth: number;
}

interface Place {
  span: Span;
  depth: number;
}

function mergeMaps(first: unknown, second: unknown): unknown {
  return isPlainMap(first) && isPlainMap(second) ? { ...first, ...second } : second;
}

function isPlainMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A value below environment_variables, at the root or of an environment. */
function isVariable(path: KeyPath): boolean {
  const from = path[0] === "environments" ? 2 : 0;
  return path[from] === "environment_variables" && path.length === from + 2;
}

function keyText(pair: { key: unknown }): string | undefined {
  return isScalar(pair.key) && pair.key.value !== null ? String(pair.key.value) : undefined;
}

function spanOf(node: YamlNode): Span {
  return node?.range ? [node.range[0], node.range[1]] : [0, 0];
}
