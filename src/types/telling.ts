import { CALLABLE_NAMES } from "../protocol/methods.ts";

const OF_PREDICT: readonly string[] = ["predict", "predictBatch", "preprocess", "postprocess"];
const METHODS = [...new Set([...OF_PREDICT, ...CALLABLE_NAMES])];
const SAYS_NOTHING = /^(unknown|any|object|void|Promise<(unknown|any|void)>)$/;
const OPENING: Record<string, string> = { "(": ")", "[": "]", "{": "}", "<": ">" };

/**
 * Might the types of a model's methods say something, as far as its text shows? Where not, TypeScript is not even
 * loaded. A wrong yes costs half a second, a wrong no the schema: what is not clear is a yes.
 */
export function isTelling(text: string): boolean {
  const plain = withoutComments(text);
  if (/@(param|returns?|type|typedef)\s*\{/.test(text)) return true;
  // What the class says of predict counts more than its types.
  const isSaid = ["input", "output"].every((side) => givesSchema(plain, side));
  const methods = isSaid ? METHODS.filter((method) => !OF_PREDICT.includes(method)) : METHODS;
  for (const match of plain.matchAll(new RegExp(`\\b(?:${methods.join("|")})\\b`, "g"))) {
    if (signatureTells(plain.slice(match.index + match[0].length))) return true;
  }
  return false;
}

/** `static input = Input`, and not a map of methods. */
function givesSchema(plain: string, side: string): boolean {
  return new RegExp(`\\bstatic\\s+(?:readonly\\s+)?${side}\\s*(?::[^=;]+)?=\\s*[\\w$]`).test(plain);
}

/** What follows the name of a method. */
function signatureTells(rest: string): boolean {
  // A field with a type of its own; not the conditional and the property that look the same.
  if (/^\s*[!?]?\s*:\s*[A-Z(]/.test(rest)) return true;
  const start = /^\s*["'\]]?\s*(?:=\s*(?:async\b\s*)?(?:function\b\s*\*?\s*[\w$]*)?\s*)?(?=[<(])/.exec(rest);
  if (start === null) return false;
  let at = start[0].length;
  if (rest[at] === "<") at = skipGroup(rest, at);
  while (/\s/.test(rest[at] ?? "")) at++;
  if (rest[at] !== "(") return false;
  const end = skipGroup(rest, at);
  if (parameterTells(rest.slice(at + 1, end - 1))) return true;
  const declared = /^\s*:\s*([^={;]+)/.exec(rest.slice(end))?.[1];
  if (declared !== undefined) return !SAYS_NOTHING.test(declared.replaceAll(/\s/g, ""));
  return /^\s*:/.test(rest.slice(end));
}

/** Has the first parameter a type that says something? */
function parameterTells(parameters: string): boolean {
  for (let at = 0; at < parameters.length; at++) {
    const char = parameters[at] as string;
    if (char === "," || char === "=") return false;
    if (char === ":") return !SAYS_NOTHING.test(firstType(parameters.slice(at + 1)).replaceAll(/\s/g, ""));
    if (char in OPENING && char !== "<") at = skipGroup(parameters, at) - 1;
  }
  return false;
}

function firstType(text: string): string {
  for (let at = 0; at < text.length; at++) {
    const char = text[at] as string;
    if (char === ",") return text.slice(0, at);
    if (char in OPENING) at = skipGroup(text, at) - 1;
  }
  return text;
}

/** The place after the bracket that closes the one here. Brackets in strings may mislead it: then it says yes. */
function skipGroup(text: string, from: number): number {
  const stack: string[] = [];
  for (let at = from; at < text.length; at++) {
    const char = text[at] as string;
    const closing = OPENING[char];
    if (closing !== undefined && (char !== "<" || text[from] === "<")) stack.push(closing);
    else if (char === stack.at(-1) && !(char === ">" && text[at - 1] === "=")) stack.pop();
    if (stack.length === 0) return at + 1;
  }
  return text.length;
}

function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\/|(^|[^:"'`\\])\/\/[^\n]*/g, "$1");
}
