import { compareOutput } from "./compare-output.ts";
import { isVector } from "./compare-vectors.ts";
import { DEFAULT_APPROX, isNear, readApproxMark, type Tolerance } from "./tolerance.ts";

/**
 * The expected output that an answer makes of an earlier one: what holds stays as its author wrote it, marks
 * included, and the rest is the answer's. The answer passes it.
 */
export function mergeOutput(expected: unknown, actual: unknown, tolerance: Tolerance = {}): unknown {
  if (compareOutput(actual, expected, tolerance) === null) return expected;
  const mark = readApproxMark(expected, tolerance);
  if (mark) {
    const approx = mergeOutput(mark.value, actual, mark.tolerance);
    const marked = { ...(expected as object), approx };
    return compareOutput(actual, marked, tolerance) === null ? marked : actual;
  }
  if (Array.isArray(expected) && Array.isArray(actual)) {
    // Some numbers of one answer and some of another would be no answer at all.
    if (isVector(expected)) return actual;
    return actual.map((item, index) =>
      index < expected.length ? mergeOutput(expected[index], item, tolerance) : (item as unknown),
    );
  }
  if (!isObject(expected) || !isObject(actual)) return actual;
  const kept = Object.keys(expected).filter((key) => Object.hasOwn(actual, key));
  const added = Object.keys(actual).filter((key) => !Object.hasOwn(expected, key));
  return Object.fromEntries([
    ...kept.map((key) => [key, mergeOutput(expected[key], actual[key], tolerance)]),
    ...added.map((key) => [key, actual[key]]),
  ]);
}

/** `output` with marks on the numbers that were slightly other ones in the second of two answers. */
export function markUnsteady(output: unknown, first: unknown, second: unknown): unknown {
  if (first === second || readApproxMark(output, {})) return output;
  if (typeof output === "number" && typeof second === "number") {
    return isNear(second, output, { approx: DEFAULT_APPROX }) ? { approx: output } : output;
  }
  if (Array.isArray(output) && Array.isArray(first) && Array.isArray(second)) {
    if (isVector(output)) {
      return compareOutput(second, output) !== null && compareOutput(second, { approx: output }) === null
        ? { approx: output }
        : output;
    }
    return output.map((item, index) => markUnsteady(item, first[index], second[index]));
  }
  if (!isObject(output) || !isObject(first) || !isObject(second)) return output;
  return Object.fromEntries(
    Object.entries(output).map(([key, value]) => [key, markUnsteady(value, first[key], second[key])]),
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
