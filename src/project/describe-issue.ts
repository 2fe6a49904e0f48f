import * as z from "zod";
import type { Problem } from "../errors.ts";
import { nearest } from "../util/nearest.ts";
import type { ConfigDocument } from "./config-document.ts";
import { keyHint } from "./key-hint.ts";
import { type KeyPath, keyPathText, valueAt } from "./key-path.ts";
import { enumValues, expectationOf, keyType, typeAt } from "./schema-walk.ts";
import { toModelName } from "./model-name.ts";
import { suggestBytes } from "./quantity.ts";

export interface DescribedIssue extends Problem {
  path: KeyPath;
  /** A secret's value was written down. */
  secret?: true;
}

/** A fault that the schema found, in the words and with the place that its author needs. */
export function describeIssue(
  issue: z.core.$ZodIssue,
  schema: z.core.$ZodType,
  document: ConfigDocument,
): DescribedIssue[] {
  const path = issue.path.filter((step) => typeof step !== "symbol");
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => unknownKey([...path, key], schema, document));
  }
  if (issue.code === "invalid_key") return [invalidName(path, issue.issues, { schema, document })];
  if (isSecretValue(path)) return [secretValue(path, document)];
  return [invalidValue(path, issue, { schema, document })];
}

interface Surroundings {
  schema: z.core.$ZodType;
  document: ConfigDocument;
}

function unknownKey(path: KeyPath, schema: z.core.$ZodType, document: ConfigDocument): DescribedIssue {
  const location = document.source.location(document.keySpan(path));
  return { path, message: `unknown key \`${keyPathText(path)}\``, location, ...keyHint(path, schema) };
}

function invalidName(
  path: KeyPath,
  issues: readonly z.core.$ZodIssue[],
  { schema, document }: Surroundings,
): DescribedIssue {
  const location = document.source.location(document.keySpan(path));
  const type = keyType(typeAt(schema, path.slice(0, -1)));
  const reason = customReason(issues) ?? `is not a valid name: it must be ${expectationOf(type) ?? "a name"}`;
  return { path, message: `\`${keyPathText(path)}\` ${reason}`, location };
}

function isSecretValue(path: KeyPath): boolean {
  const from = path[0] === "environments" ? 2 : 0;
  return path[from] === "secrets" && path.length > from + 1;
}

function secretValue(path: KeyPath, document: ConfigDocument): DescribedIssue {
  const name = String(path.at(-1));
  return {
    path,
    secret: true,
    message: `\`${keyPathText(path)}\` has a value; null is the placeholder`,
    location: document.source.location(document.keySpan(path)),
    hint: `Write "${name}: null" here and the value into .env beside config.yaml, or set PURLIN_SECRET_${name.toUpperCase().replaceAll(/[^A-Z0-9]/g, "_")}. If this file was shared, make a new value.`,
  };
}

function invalidValue(
  path: KeyPath,
  issue: z.core.$ZodIssue,
  { schema, document }: Surroundings,
): DescribedIssue {
  const name = path.length === 0 ? document.source.file : `\`${keyPathText(path)}\``;
  const value = valueAt(document.data, path);
  if (value === undefined) {
    const parent = path.slice(0, -1);
    const location = document.source.location(document.valueSpan(parent));
    const hint = `Add "${String(path.at(-1))}:" there.`;
    return { path, message: `${name} is missing`, location, hint };
  }
  const type = typeAt(schema, path);
  // What was written in place of the names may be values: only the key is shown.
  const span = path.at(-1) === "secrets" ? document.keySpan(path) : document.valueSpan(path);
  const location = document.source.location(span);
  const reason = customReason([issue]);
  if (reason !== undefined) return { path, message: `${name} ${reason}`, location };
  const message = `${name} must be ${expectationOf(type) ?? "something else"}, not ${shown(value, path)}`;
  const hint = valueHint(value, { path, type, document });
  return { path, message, location, ...(hint === undefined ? {} : { hint }) };
}

/** Words that the schema itself gave for this fault. */
function customReason(issues: readonly z.core.$ZodIssue[]): string | undefined {
  const issue = issues.find(({ code, message }) => code === "custom" && message !== "Invalid input");
  return issue?.message;
}

function shown(value: unknown, path: KeyPath): string {
  if (value === null) return "empty";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a map";
  if (path.includes("secrets")) return `a ${typeof value}`;
  if (typeof value !== "string") return String(value);
  const short = value.length > 40 ? `${value.slice(0, 40)}...` : value;
  return /:\/\/[^\s/]*@/.test(value) ? "this text" : `the text ${JSON.stringify(short)}`;
}

interface ValuePlace {
  path: KeyPath;
  type: z.core.$ZodType | undefined;
  document: ConfigDocument;
}

function valueHint(value: unknown, { path, type, document }: ValuePlace): string | undefined {
  if (path.at(-1) === "secrets") return 'Declare names, one a line, as in "hf_access_token: null".';
  if (value === null) return "Give it a value, or remove the line.";
  if (path.at(-1) === "model_name" && typeof value !== "object")
    return `Did you mean ${toModelName(String(value))}?`;
  if (path.at(-1) === "memory" && typeof value === "string") {
    const meant = suggestBytes(value);
    if (meant !== undefined) return `Did you mean "${meant}"?`;
  }
  if (typeof value === "string") return textHint(value, type);
  if (typeof value !== "object" && type && accepts(type, written(path, document))) {
    return `Put it in quotes: "${written(path, document)}".`;
  }
  return listHint(value, type);
}

function textHint(value: string, type: z.core.$ZodType | undefined): string | undefined {
  if (!type) return undefined;
  if (accepts(type, true) && /^(yes|no|on|off|y|n|true|false)$/i.test(value)) {
    return `YAML 1.2 knows only true and false: write ${/^(yes|on|y|true)$/i.test(value)}.`;
  }
  const number = Number(value);
  if (value.trim() !== "" && accepts(type, number)) return `Write it without quotes: ${value.trim()}.`;
  const meant = nearest(value, enumValues(type));
  if (meant !== undefined) return `Did you mean ${meant}?`;
  return listHint(value, type);
}

function listHint(value: unknown, type: z.core.$ZodType | undefined): string | undefined {
  if (!type || !accepts(type, [value])) return undefined;
  return typeof value === "object"
    ? 'Begin each entry with "- ".'
    : `Write a list: [${JSON.stringify(value)}].`;
}

function accepts(type: z.core.$ZodType, value: unknown): boolean {
  return z.safeParse(type, value).success;
}

/** A scalar as it stands in the file. */
function written(path: KeyPath, document: ConfigDocument): string {
  const [start, end] = document.valueSpan(path);
  return document.source.text.slice(start, end);
}
