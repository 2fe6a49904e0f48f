import { isNear, type Tolerance } from "./tolerance.ts";

/** A list of numbers that is longer is told of as a whole, not by its first difference. */
const LONG = 8;

/** A list of numbers alone. */
export function isVector(value: unknown): value is number[] {
  return Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === "number");
}

/**
 * How two vectors of one length differ, as what follows their place in a sentence; null where they do not.
 * Undefined where they are short enough to be compared number by number.
 */
export function compareVectors(
  actual: readonly number[],
  expected: readonly number[],
  tolerance: Tolerance,
): string | null | undefined {
  const { cosine } = tolerance;
  if (cosine !== undefined && expected.length > 1) {
    const distance = 1 - cosineSimilarity(actual, expected);
    if (distance <= cosine) return null;
    const asked = `the cosine distance is ${round(distance)}, more than ${cosine}`;
    return `is another vector: ${asked}; most at ${worst(actual, expected, tolerance).text}`;
  }
  if (expected.length <= LONG) return undefined;
  const { count, text } = worst(actual, expected, tolerance);
  if (count === 0) return null;
  const similarity = round(cosineSimilarity(actual, expected));
  return `differs in ${count} of ${expected.length} numbers, most at ${text}; cosine similarity ${similarity}`;
}

function worst(
  actual: readonly number[],
  expected: readonly number[],
  tolerance: Tolerance,
): { count: number; text: string } {
  let count = 0;
  let index = 0;
  let greatest = -1;
  for (const [at, number] of expected.entries()) {
    const other = actual[at] ?? 0;
    if (!isNear(other, number, tolerance)) count += 1;
    const distance = Math.abs(other - number);
    if (distance > greatest) [greatest, index] = [distance, at];
  }
  const about = (tolerance.approx ?? tolerance.within) === undefined ? "" : "about ";
  return { count, text: `[${index}], which is ${actual[index]}, expected ${about}${expected[index]}` };
}

/** 1 for two vectors of zeros, which are equal; 0 where one alone is. */
function cosineSimilarity(left: readonly number[], right: readonly number[]): number {
  // Taken by their greatest number first: squares of large ones would be infinite.
  const [a, b] = [scaled(left), scaled(right)];
  let product = 0;
  let leftSquares = 0;
  let rightSquares = 0;
  for (const [index, one] of a.entries()) {
    const other = b[index] ?? 0;
    product += one * other;
    leftSquares += one * one;
    rightSquares += other * other;
  }
  if (leftSquares === 0 || rightSquares === 0) return leftSquares === rightSquares ? 1 : 0;
  return product / Math.sqrt(leftSquares * rightSquares);
}

function scaled(vector: readonly number[]): number[] {
  let greatest = 0;
  for (const number of vector) greatest = Math.max(greatest, Math.abs(number));
  return greatest === 0 ? [...vector] : vector.map((number) => number / greatest);
}

function round(value: number): number {
  return Number(value.toPrecision(4));
}
