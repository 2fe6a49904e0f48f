import { isMap, isScalar, type Node, visit, type YAMLMap } from "yaml";
import type { SourceText } from "./source-text.ts";

/** A URL with a user or password in it. */
const CREDENTIALS = /:\/\/[^\s/]*@/;

/** Keeps what people wrote below `secrets` by mistake out of every message, and passwords in URLs. */
export function hideSecrets(root: YAMLMap, source: SourceText): void {
  const environments = root.items
    .filter((pair) => nameOf(pair.key) === "environments")
    .map((pair) => pair.value);
  for (const map of [root, ...environments.flatMap(mapsIn)]) hideBelow(map, source);
  visit(root, {
    Scalar(_key, node) {
      if (typeof node.value === "string" && CREDENTIALS.test(node.value)) hide(node, source);
    },
  });
}

/** The same for a text that does not parse: what stands in or below a line `secrets:`, after each colon. */
export function hideSecretBlocks(source: SourceText): void {
  let blockIndent = -1;
  for (const match of source.text.matchAll(/^([ \t-]*)(.*)$/gm)) {
    const [line, indent = "", rest = ""] = match;
    const starts = /^["']?secrets["']?\s*:/.exec(rest);
    if (starts) blockIndent = indent.length;
    else if (rest !== "" && indent.length <= blockIndent) blockIndent = -1;
    if (blockIndent === -1 && !CREDENTIALS.test(line) && !/\bsecrets["']?\s*:/.test(rest)) continue;
    const colon = line.indexOf(":");
    const from = colon === -1 ? indent.length : colon + 1;
    source.hide([match.index + from, match.index + line.length]);
  }
}

function hideBelow(map: YAMLMap, source: SourceText): void {
  for (const pair of map.items) {
    if (nameOf(pair.key) !== "secrets") continue;
    const value = pair.value as Node | null;
    if (!isMap(value)) hide(value, source);
    else for (const secret of value.items) hide(secret.value as Node | null, source);
  }
}

function mapsIn(node: unknown): YAMLMap[] {
  return isMap(node) ? node.items.map((pair) => pair.value).filter((value) => isMap(value)) : [];
}

function hide(node: Node | null, source: SourceText): void {
  if (!node?.range || (isScalar(node) && node.value === null)) return;
  source.hide([node.range[0], node.range[1]]);
}

function nameOf(key: unknown): unknown {
  return isScalar(key) ? key.value : undefined;
}
