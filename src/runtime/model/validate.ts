import type { StandardResult, StandardSchema } from "./model-class.ts";

export interface Violation {
  /** Dotted, with indexes in brackets: items[2].name. */
  path: string;
  message: string;
}

export type Validated = { ok: true; value: unknown } | { ok: false; violations: Violation[] };

/** At once where the schema tells at once. */
export function validate(schema: StandardSchema, value: unknown): Validated | Promise<Validated> {
  const result = schema["~standard"].validate(value);
  return result instanceof Promise ? result.then(validated) : validated(result);
}

function validated(result: StandardResult): Validated {
  if (result.issues === undefined) return { ok: true, value: result.value };
  const violations = result.issues.map((issue) => ({
    path: pathText(issue.path ?? []),
    message: issue.message,
  }));
  return { ok: false, violations };
}

function pathText(path: readonly (PropertyKey | { key: PropertyKey })[]): string {
  let text = "";
  for (const part of path) {
    const key = typeof part === "object" ? part.key : part;
    if (typeof key === "number") text += `[${key}]`;
    else text += text === "" ? String(key) : `.${String(key)}`;
  }
  return text;
}
