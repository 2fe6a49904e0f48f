import { isVector } from "../protocol/compare-vectors.ts";

const MOST_COLUMNS = 100;

/** A word or two, which YAML takes for nothing but a text, within brackets too. */
const PLAIN = /^[\p{L}_](?:[\p{L}\p{N}_./ -]*[\p{L}\p{N}_./-])?$/u;
const NOT_TEXT = /^(null|true|false)$/i;

/** A JSON value in one line, as it may stand anywhere in YAML. */
export function inlineYaml(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(inlineYaml).join(", ")}]`;
  if (typeof value === "object" && value !== null) {
    const pairs = Object.entries(value).map(([key, item]) => `${inlineYaml(key)}: ${inlineYaml(item)}`);
    return pairs.length === 0 ? "{}" : `{ ${pairs.join(", ")} }`;
  }
  if (typeof value === "number") return numberText(value);
  return typeof value === "string" && PLAIN.test(value) && !NOT_TEXT.test(value)
    ? value
    : JSON.stringify(value);
}

/** A whole number with more digits than are exact is refused in config.yaml, unless it is written as a fraction. */
function numberText(value: number): string {
  const text = JSON.stringify(value);
  return Number.isInteger(value) && !Number.isSafeInteger(value) && !text.includes(".")
    ? text.replace(/(?=e|$)/, ".0")
    : text;
}

export interface BlockOptions {
  /** Columns before each line. */
  indent: number;
  /** Whether texts of several lines may be written as such: what follows in the last line would become part of it. */
  literals: boolean;
}

/**
 * What stands behind `key:` or `-`, with the space or line feed before it: in one line where it fits, or is a list of
 * numbers, which nobody reads one by one.
 */
export function blockYaml(value: unknown, options: BlockOptions): string {
  const { indent, literals } = options;
  if (literals && typeof value === "string" && isLiteral(value)) {
    const ends = value.endsWith("\n");
    const lines = (ends ? value.slice(0, -1) : value).split("\n");
    const pad = " ".repeat(indent);
    return ` ${ends ? "|" : "|-"}\n${lines.map((line) => (line === "" ? "" : pad + line)).join("\n")}`;
  }
  const inline = inlineYaml(value);
  const short = indent + inline.length <= MOST_COLUMNS && !holdsLiteral(value, literals);
  if (typeof value !== "object" || value === null || isVector(value) || short) return ` ${inline}`;
  const pad = `\n${" ".repeat(indent)}`;
  const inner = { ...options, indent: indent + 2 };
  if (Array.isArray(value)) return value.map((item) => `${pad}-${itemYaml(item, inner)}`).join("");
  const entries = Object.entries(value);
  return entries.map(([key, item]) => `${pad}${inlineYaml(key)}:${blockYaml(item, inner)}`).join("");
}

/** The first line of what is in a list stands beside the dash. */
function itemYaml(value: unknown, options: BlockOptions): string {
  const text = blockYaml(value, options);
  return text.startsWith("\n") ? ` ${text.slice(1 + options.indent)}` : text;
}

/** Of several lines, and the same when it is read again. */
function isLiteral(text: string): boolean {
  // Controls and halves of characters are not printed; tabs and spaces at the edges of lines are not seen.
  if (/[\u2028\u2029\ufeff\ufffe\uffff]|(?!\n)[\p{Cc}\p{Cs}]/u.test(text)) return false;
  return /^\S[^]*\n[^]/.test(text) && !text.endsWith("\n\n") && !/[ \t](\n|$)/.test(text);
}

function holdsLiteral(value: unknown, literals: boolean): boolean {
  if (!literals) return false;
  if (typeof value === "string") return isLiteral(value);
  return (
    typeof value === "object" &&
    value !== null &&
    Object.values(value).some((item) => holdsLiteral(item, true))
  );
}
