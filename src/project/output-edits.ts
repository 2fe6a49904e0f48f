import { isDeepStrictEqual } from "node:util";
import { isMap, isScalar, isSeq, type Node, type Pair, type YAMLMap, type YAMLSeq } from "yaml";
import { blockYaml, inlineYaml } from "./render-yaml.ts";

/** A stretch of the text, and what is to stand there. */
export interface Edit {
  start: number;
  end: number;
  text: string;
}

/** A value in the text, and where it hangs. */
interface Slot {
  node: Node | null | undefined;
  /** Behind the colon or the dash. */
  after: number;
  /** Of what it is in; its own lines stand two farther to the right. */
  column: number;
  /** Within brackets, where line feeds and comments mean nothing. */
  flow: boolean;
}

/** The least that must change in a YAML text for a value in it to become another: all else stays as it was written. */
export class OutputEdits {
  readonly edits: Edit[] = [];
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** `map[key]`, which holds `before`, is to hold `after`; written behind `neighbour` where the key is new. */
  set(
    map: YAMLMap<Node, Node | null>,
    change: { key: string; neighbour: string; before: unknown; after: unknown },
  ): void {
    const { key, neighbour, before, after } = change;
    const pair = map.items.find((each) => keyOf(each) === key);
    const slotIn = this.#slots(map);
    if (pair) return this.#replace(slotIn(pair), before, after);
    const beside = map.items.find((each) => keyOf(each) === neighbour) ?? map.items.at(-1);
    if (beside) this.#insertPair(map, beside, [key, after]);
  }

  #replace(slot: Slot, before: unknown, after: unknown): void {
    if (isDeepStrictEqual(before, after)) return;
    const { node } = slot;
    if (
      isMap<Node, Node | null>(node) &&
      isObject(before) &&
      isObject(after) &&
      Object.keys(after).length > 0
    )
      return this.#replaceInMap(node, before, after);
    if (isSeq<Node>(node) && Array.isArray(before) && Array.isArray(after)) {
      const canGrow = !isFlow(node) && after.length > 0;
      if (canGrow || before.length === after.length) return this.#replaceInSeq(node, before, after);
    }
    this.#rewrite(slot, after);
  }

  #replaceInMap(
    map: YAMLMap<Node, Node | null>,
    before: Record<string, unknown>,
    after: Record<string, unknown>,
  ): void {
    const slotIn = this.#slots(map);
    const stays = (pair: Pair<Node, Node | null>): boolean => Object.hasOwn(after, keyOf(pair));
    const added = Object.entries(after).filter(([key]) => !Object.hasOwn(before, key));
    const firstKept = map.items.findIndex(stays);
    if (firstKept === -1 || (isFlow(map) && (added.length > 0 || !map.items.every(stays)))) {
      const start = map.range?.[0] ?? 0;
      this.edits.push({ start, end: this.#end(map, start), text: inlineYaml(after) });
      return;
    }
    for (const [index, pair] of map.items.entries()) {
      const key = keyOf(pair);
      if (stays(pair)) this.#replace(slotIn(pair), before[key], after[key]);
      else if (index === firstKept - 1) this.#cut(startOf(map.items[0]), startOf(map.items[firstKept]));
      else if (index > firstKept)
        this.#cut(this.#lineEnd(map.items[index - 1], map), this.#lineEnd(pair, map));
    }
    const last = map.items.at(-1);
    for (const entry of added) if (last) this.#insertPair(map, last, entry);
  }

  #replaceInSeq(seq: YAMLSeq<Node>, before: readonly unknown[], after: readonly unknown[]): void {
    const column = this.#column(dashOf(seq, 0));
    for (const [index, node] of seq.items.slice(0, after.length).entries()) {
      const dash = dashOf(seq, index) + 1;
      const slot = { node, after: isFlow(seq) ? startOf({ key: node }) : dash, column, flow: isFlow(seq) };
      this.#replace(slot, before[index], after[index]);
    }
    const last = this.#endOfLine(this.#end(seq, 0));
    if (after.length < seq.items.length)
      return this.#cut(
        this.#endOfLine(this.#end(seq.items[after.length - 1], dashOf(seq, after.length - 1) + 1)),
        last,
      );
    const options = { indent: column + 2, literals: true };
    const lines = after
      .slice(before.length)
      .map((item) => `\n${" ".repeat(column)}-${blockYaml(item, options)}`);
    if (lines.length > 0) this.edits.push({ start: last, end: last, text: lines.join("") });
  }

  /** Another value altogether; an anchor before it stays, and with it a value in one line. */
  #rewrite({ node, after, column, flow }: Slot, value: unknown): void {
    const end = this.#end(node, after);
    const isAnchored = node !== null && node !== undefined && "anchor" in node && node.anchor !== undefined;
    const start = node?.range?.[0] ?? after;
    const isEmpty = end <= after;
    if (flow || isAnchored) {
      const text = inlineYaml(value);
      this.edits.push(isEmpty ? { start: after, end: after, text: ` ${text}` } : { start, end, text });
      return;
    }
    const literals = /^[ \t\r]*$/.test(this.#text.slice(end, this.#endOfLine(end)));
    this.edits.push({ start: after, end, text: blockYaml(value, { indent: column + 2, literals }) });
  }

  #insertPair(
    map: YAMLMap<Node, Node | null>,
    behind: Pair<Node, Node | null>,
    [key, value]: [string, unknown],
  ): void {
    if (isFlow(map)) {
      const at = this.#end(behind.value, colonOf(behind) + 1);
      this.edits.push({ start: at, end: at, text: `, ${inlineYaml(key)}: ${inlineYaml(value)}` });
      return;
    }
    const column = this.#column(startOf(map.items[0]));
    const at = this.#lineEnd(behind, map);
    const text = `\n${" ".repeat(column)}${inlineYaml(key)}:${blockYaml(value, { indent: column + 2, literals: true })}`;
    this.edits.push({ start: at, end: at, text });
  }

  #slots(map: YAMLMap<Node, Node | null>): (pair: Pair<Node, Node | null>) => Slot {
    const column = this.#column(startOf(map.items[0]));
    return (pair) => ({ node: pair.value, after: colonOf(pair) + 1, column, flow: isFlow(map) });
  }

  #cut(start: number, end: number): void {
    this.edits.push({ start, end, text: "" });
  }

  /** Where the text of a value ends: not its comment, not the lines below. `empty` where it has no text. */
  #end(node: Node | null | undefined, empty: number): number {
    if (!node?.range) return empty;
    const [start, end] = node.range;
    if ((isMap(node) || isSeq(node)) && !isFlow(node)) {
      const last: unknown = node.items.at(-1);
      if (isSeq(node)) return this.#end(last as Node, dashOf(node, node.items.length - 1) + 1);
      const pair = last as Pair<Node, Node | null>;
      return this.#end(pair.value, colonOf(pair) + 1);
    }
    if (end <= start) return empty;
    // The text of a block of lines has their last line feed in it.
    return start + this.#text.slice(start, end).trimEnd().length;
  }

  #lineEnd(pair: Pair<Node, Node | null> | undefined, map: YAMLMap): number {
    if (pair === undefined) return this.#end(map, 0);
    return this.#endOfLine(this.#end(pair.value, colonOf(pair) + 1));
  }

  #endOfLine(offset: number): number {
    const at = this.#text.indexOf("\n", offset);
    const end = at === -1 ? this.#text.length : at;
    return this.#text[end - 1] === "\r" ? end - 1 : end;
  }

  #column(offset: number): number {
    return offset - (this.#text.lastIndexOf("\n", offset - 1) + 1);
  }
}

interface SourceToken {
  type: string;
  offset: number;
}

/** Tokens are there because the parser is told to keep them. */
function colonOf(pair: Pair<Node, Node | null>): number {
  const { srcToken } = pair as { srcToken?: { sep?: SourceToken[] } };
  const colon = srcToken?.sep?.find(({ type }) => type === "map-value-ind");
  return colon?.offset ?? (pair.key.range?.[1] ?? 0) - 1;
}

function dashOf(seq: YAMLSeq, index: number): number {
  const { srcToken } = seq as { srcToken?: { items?: { start?: SourceToken[] }[] } };
  const dash = srcToken?.items?.[index]?.start?.find(({ type }) => type === "seq-item-ind");
  return dash?.offset ?? seq.range?.[0] ?? 0;
}

function startOf(pair: { key: Node } | undefined): number {
  return pair?.key.range?.[0] ?? 0;
}

function keyOf({ key }: Pair<Node, Node | null>): string {
  return isScalar(key) ? String(key.value) : "";
}

function isFlow(node: YAMLMap | YAMLSeq): boolean {
  return node.flow === true;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
