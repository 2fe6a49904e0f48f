import { DATATYPES, type NumericArray } from "./datatypes.ts";
import { toHalf } from "./half-float.ts";
import type { Tensor } from "./tensor.ts";
import { shown } from "../shown.ts";

/** Nested no deeper than a shape has sides in practice. */
const MAX_NESTING = 64;

type Fail = (problem: string) => never;

/** A tensor's data as JSON has it: flat, or nested as its shape says. */
export function readJsonData(data: unknown[], datatype: string, fail: Fail): Tensor["data"] {
  const flat = Array.isArray(data[0]) ? flatten(data, fail) : data;
  const bad = (index: number, why = ""): never =>
    fail(`has ${shown(flat[index])} as element ${index}, which is no ${datatype}${why}`);
  if (datatype === "BYTES") {
    const index = flat.findIndex((element) => typeof element !== "string");
    return index === -1 ? (flat as string[]) : bad(index);
  }
  const { array } = DATATYPES[datatype] as (typeof DATATYPES)[string];
  const target = new array(new ArrayBuffer(flat.length * array.BYTES_PER_ELEMENT));
  if (target instanceof BigInt64Array || target instanceof BigUint64Array) fillBig(target, flat, bad);
  else if (datatype === "BOOL") fillBool(target, flat, bad);
  else if (datatype === "FP16") fill(target, flat, { bad, put: toHalf });
  else if (datatype.startsWith("FP")) fill(target, flat, { bad, put: (value) => value });
  else fillWhole(target, flat, bad);
  return target;
}

type Bad = (index: number, why?: string) => never;
type Plain = Exclude<NumericArray, BigInt64Array | BigUint64Array>;

function fill(
  target: Plain,
  flat: unknown[],
  { bad, put }: { bad: Bad; put: (value: number) => number },
): void {
  for (let i = 0; i < flat.length; i++) {
    const value = flat[i];
    if (typeof value !== "number") return bad(i);
    target[i] = put(value);
  }
}

function fillWhole(target: Plain, flat: unknown[], bad: Bad): void {
  for (let i = 0; i < flat.length; i++) {
    const value = flat[i];
    if (typeof value !== "number") return bad(i);
    target[i] = value;
    // What was wrapped or cut off comes out as another number.
    if (target[i] !== value) return bad(i);
  }
}

function fillBool(target: Plain, flat: unknown[], bad: Bad): void {
  for (let i = 0; i < flat.length; i++) {
    const value = flat[i];
    if (typeof value !== "boolean" && value !== 0 && value !== 1) return bad(i);
    target[i] = Number(value);
  }
}

function fillBig(target: BigInt64Array | BigUint64Array, flat: unknown[], bad: Bad): void {
  for (let i = 0; i < flat.length; i++) {
    const value = flat[i];
    const isText = typeof value === "string" && /^-?\d{1,20}$/.test(value);
    if (!isText && !Number.isSafeInteger(value))
      return bad(
        i,
        typeof value === "number"
          ? " that a JSON number holds exactly: send it as a string or as binary data"
          : "",
      );
    const big = BigInt(value as number | string);
    target[i] = big;
    if (target[i] !== big) return bad(i);
  }
}

function flatten(nested: unknown[], fail: Fail): unknown[] {
  const flat: unknown[] = [];
  const visit = (items: unknown[], depth: number): void => {
    if (depth > MAX_NESTING) fail(`has data nested deeper than ${MAX_NESTING}`);
    for (const item of items)
      if (Array.isArray(item)) visit(item, depth + 1);
      else flat.push(item);
  };
  visit(nested, 1);
  return flat;
}
