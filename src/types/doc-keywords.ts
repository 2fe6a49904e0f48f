import type ts from "typescript-api";
import type { JsonSchema } from "../protocol/model-types.ts";
import type { TypeScript } from "./typescript.ts";

const NUMBERS = new Set([
  "minimum",
  "maximum",
  "exclusiveMinimum",
  "exclusiveMaximum",
  "multipleOf",
  "minLength",
  "maxLength",
  "minItems",
  "maxItems",
]);
const COUNTS = new Set(["minLength", "maxLength", "minItems", "maxItems"]);

/** Keywords from the comment above a property, a parameter or a type. One that cannot be right is left out. */
export function docKeywords(
  typescript: TypeScript,
  symbol: ts.Symbol | undefined,
  checker: ts.TypeChecker,
): JsonSchema {
  if (symbol === undefined) return {};
  const keywords: JsonSchema = {};
  const text = typescript.displayPartsToString(symbol.getDocumentationComment(checker)).trim();
  if (text !== "") keywords["description"] = text;
  const examples: unknown[] = [];
  for (const tag of symbol.getJsDocTags(checker)) {
    const value = typescript.displayPartsToString(tag.text).trim();
    if (tag.name === "example") examples.push(literal(value));
    else Object.assign(keywords, keyword(tag.name, value));
  }
  if (examples.length > 0) keywords["examples"] = examples;
  return keywords;
}

function keyword(name: string, value: string): JsonSchema {
  if (NUMBERS.has(name)) {
    const number = Number(value);
    const isRight = COUNTS.has(name) ? Number.isInteger(number) && number >= 0 : Number.isFinite(number);
    const isUsable = name === "multipleOf" ? number > 0 : isRight;
    return value !== "" && isRight && isUsable ? { [name]: number } : {};
  }
  if (name === "default") return { default: literal(value) };
  if (name === "deprecated") return { deprecated: true };
  if (name === "pattern") return isPattern(value) ? { pattern: value } : {};
  if (name === "format" && /^[a-z][a-z0-9-]*$/.test(value)) return { format: value };
  return {};
}

/** `@default 3`, `@default "a"`, and `@default a`, which people write for strings. */
function literal(text: string): unknown {
  const plain = text.replace(/^```\w*\n?([\s\S]*?)\n?```$/, "$1").replace(/^`(.*)`$/, "$1");
  try {
    return JSON.parse(plain);
  } catch {
    return plain;
  }
}

function isPattern(text: string): boolean {
  try {
    return text !== "" && new RegExp(text, "u") instanceof RegExp;
  } catch {
    return false;
  }
}
