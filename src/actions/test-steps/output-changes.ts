import { isVector } from "../../protocol/compare-vectors.ts";

/** A place in an output where two of them differ; null where there was, or is, nothing. */
export interface OutputChange {
  /** From the output: `scores[2]`; empty for all of it. */
  path: string;
  before: string | null;
  after: string | null;
}

const MOST_TEXT = 120;

/** Where two outputs differ, as deep as can be told shortly. */
export function outputChanges(before: unknown, after: unknown): OutputChange[] {
  return [...changes(before, after, "")];
}

function* changes(before: unknown, after: unknown, path: string): Generator<OutputChange> {
  if (JSON.stringify(before) === JSON.stringify(after)) return;
  const keys = commonKeys(before, after);
  if (keys === null) {
    yield { path, before: text(before), after: text(after) };
    return;
  }
  for (const key of keys) {
    const step = Array.isArray(after) ? `[${key}]` : path === "" ? key : `.${key}`;
    yield* changes(valueOf(before, key), valueOf(after, key), path + step);
  }
}

/** Null where the two are told as wholes. */
function commonKeys(before: unknown, after: unknown): string[] | null {
  if (Array.isArray(before) !== Array.isArray(after) || !isObject(before) || !isObject(after)) return null;
  if (isVector(before) && isVector(after)) return null;
  return [...new Set([...Object.keys(before), ...Object.keys(after)])];
}

function text(value: unknown): string | null {
  if (value === undefined) return null;
  if (isVector(value) && value.length > 4)
    return `[${value.slice(0, 3).join(", ")}, … ${value.length} numbers]`;
  const json = JSON.stringify(value);
  return json.length > MOST_TEXT ? `${json.slice(0, MOST_TEXT)}…` : json;
}

function valueOf(value: unknown, key: string): unknown {
  return Object.hasOwn(value as object, key) ? (value as Record<string, unknown>)[key] : undefined;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
