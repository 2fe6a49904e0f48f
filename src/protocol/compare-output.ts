/** Allowed distance where an example says `approx` and nothing more: a thousandth, of the number where it is above 1. */
const DEFAULT_WITHIN = 0.001;

/**
 * Where an answer differs from what an example expects, as a sentence; null where it does not.
 * JSON values are equal by content. `{approx: value}` in the expected output lets the numbers in `value` differ by
 * a thousandth (or by `within`, where that is given beside it): floating point is not the same on every machine.
 */
export function compareOutput(actual: unknown, expected: unknown): string | null {
  return compare(actual, expected, "", null);
}

function compare(actual: unknown, expected: unknown, path: string, within: Tolerance | null): string | null {
  const approximate = readApprox(expected);
  if (approximate) return compare(actual, approximate.approx, path, { within: approximate.within });
  if (typeof expected === "number" && typeof actual === "number") {
    return numbersMatch(actual, expected, within) ? null : difference(actual, expected, path, within);
  }
  if (Array.isArray(expected)) return compareArrays(actual, expected, path, within);
  if (isObject(expected)) return compareObjects(actual, expected, path, within);
  return actual === expected ? null : difference(actual, expected, path, null);
}

interface Tolerance {
  within: number | null;
}

function compareArrays(
  actual: unknown,
  expected: readonly unknown[],
  path: string,
  within: Tolerance | null,
): string | null {
  if (!Array.isArray(actual)) return difference(actual, expected, path, null);
  for (const [index, value] of expected.entries()) {
    if (index >= actual.length) break;
    const found = compare(actual[index], value, `${path}[${index}]`, within);
    if (found !== null) return found;
  }
  if (actual.length === expected.length) return null;
  return `${place(path)} has ${actual.length} elements, expected ${expected.length}`;
}

function compareObjects(
  actual: unknown,
  expected: Record<string, unknown>,
  path: string,
  within: Tolerance | null,
): string | null {
  if (!isObject(actual)) return difference(actual, expected, path, null);
  for (const [key, value] of Object.entries(expected)) {
    if (!Object.hasOwn(actual, key)) return `${place(path)} has no ${JSON.stringify(key)}`;
    const found = compare(actual[key], value, path === "" ? key : `${path}.${key}`, within);
    if (found !== null) return found;
  }
  const extra = Object.keys(actual).find((key) => !Object.hasOwn(expected, key));
  return extra === undefined ? null : `${place(path)} has ${JSON.stringify(extra)}, which was not expected`;
}

function numbersMatch(actual: number, expected: number, tolerance: Tolerance | null): boolean {
  if (tolerance === null) return actual === expected;
  const within = tolerance.within ?? DEFAULT_WITHIN * Math.max(1, Math.abs(expected));
  return Math.abs(actual - expected) <= within;
}

function readApprox(expected: unknown): { approx: unknown; within: number | null } | null {
  if (!isObject(expected) || !Object.hasOwn(expected, "approx")) return null;
  const { approx, within, ...rest } = expected;
  if (Object.keys(rest).length > 0 || !(within === undefined || typeof within === "number")) return null;
  return { approx, within: within ?? null };
}

function difference(actual: unknown, expected: unknown, path: string, tolerance: Tolerance | null): string {
  return `${place(path)} is ${brief(actual)}, expected ${tolerance ? "about " : ""}${brief(expected)}`;
}

function place(path: string): string {
  return path === "" ? "the output" : path;
}

function brief(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
