import { compareVectors, isVector } from "./compare-vectors.ts";
import { isNear, readApproxMark, type Tolerance } from "./tolerance.ts";

/**
 * Where an answer differs from what an example expects, as a sentence; null where it does not.
 * JSON values are equal by content. The tolerance is for all numbers in it; `{approx: VALUE}` in the expected output
 * gives the numbers in VALUE one of their own: floating point is not the same on every machine.
 */
export function compareOutput(actual: unknown, expected: unknown, tolerance: Tolerance = {}): string | null {
  return compare(actual, expected, { path: "", tolerance });
}

interface Place {
  path: string;
  tolerance: Tolerance;
}

function compare(actual: unknown, expected: unknown, at: Place): string | null {
  const mark = readApproxMark(expected, at.tolerance);
  if (mark) return compare(actual, mark.value, { path: at.path, tolerance: mark.tolerance });
  if (typeof expected === "number" && typeof actual === "number") {
    return isNear(actual, expected, at.tolerance) ? null : difference(actual, expected, at);
  }
  if (Array.isArray(expected)) return compareArrays(actual, expected, at);
  if (isObject(expected)) return compareObjects(actual, expected, at);
  return actual === expected ? null : difference(actual, expected, at);
}

function compareArrays(actual: unknown, expected: readonly unknown[], at: Place): string | null {
  if (!Array.isArray(actual)) return difference(actual, expected, at);
  const lengths = `${placeName(at)} has ${actual.length} elements, expected ${expected.length}`;
  if (isVector(actual) && isVector(expected)) {
    if (actual.length !== expected.length) return lengths;
    const found = compareVectors(actual, expected, at.tolerance);
    if (found !== undefined) return found === null ? null : `${placeName(at)} ${found}`;
  }
  for (const [index, value] of expected.entries()) {
    if (index >= actual.length) break;
    const found = compare(actual[index], value, { ...at, path: `${at.path}[${index}]` });
    if (found !== null) return found;
  }
  return actual.length === expected.length ? null : lengths;
}

function compareObjects(actual: unknown, expected: Record<string, unknown>, at: Place): string | null {
  if (!isObject(actual)) return difference(actual, expected, at);
  for (const [key, value] of Object.entries(expected)) {
    if (!Object.hasOwn(actual, key)) return `${placeName(at)} has no ${JSON.stringify(key)}`;
    const found = compare(actual[key], value, { ...at, path: at.path === "" ? key : `${at.path}.${key}` });
    if (found !== null) return found;
  }
  const extra = Object.keys(actual).find((key) => !Object.hasOwn(expected, key));
  return extra === undefined ? null : `${placeName(at)} has ${JSON.stringify(extra)}, which was not expected`;
}

function difference(actual: unknown, expected: unknown, at: Place): string {
  const near = (at.tolerance.approx ?? at.tolerance.within) !== undefined;
  const about = near && typeof actual === "number" && typeof expected === "number" ? "about " : "";
  return `${placeName(at)} is ${brief(actual)}, expected ${about}${brief(expected)}`;
}

function placeName({ path }: Place): string {
  return path === "" ? "the output" : path;
}

function brief(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
