import * as z from "zod";
import { parseSize } from "../quantity.ts";
import { leaf } from "./fields.ts";

/** Timers of Node count milliseconds in 31 bits; a longer one would fire at once. */
export const MOST_SECONDS = 2_147_483;

const GREATEST_SIZE = 1024 ** 5;

export function wholeNumber(least: number, most: number) {
  return leaf(z.int().min(least).max(most), `a whole number from ${least} to ${most}`);
}

/** Zero only where it is allowed: it means "at once". */
export function seconds({ zero = false } = {}) {
  const type = zero ? z.number().min(0).max(MOST_SECONDS) : z.number().gt(0).max(MOST_SECONDS);
  return leaf(type, `a number of seconds ${zero ? "from" : "above"} 0, at most ${MOST_SECONDS}`);
}

export function flag() {
  return leaf(z.boolean(), "true or false");
}

/** Bytes, out of a number or a text such as "100MiB". */
export function size(least: number) {
  const text = z
    .string()
    .regex(/^\s*(\d+(\.\d+)?|\.\d+)\s*(k|[KMGTPE]i?)?B?\s*$/)
    .refine((given) => within(parseSize(given), least));
  return leaf(
    z.union([z.int().min(least).max(GREATEST_SIZE), text]),
    `a size of ${least === 0 ? "0" : least} bytes or more: a whole number, or a text such as "100MiB"`,
  ).transform((given) => (typeof given === "number" ? given : (parseSize(given) as number)));
}

function within(bytes: number | null, least: number): boolean {
  return bytes !== null && bytes >= least && bytes <= GREATEST_SIZE;
}

/** Text with at least one visible character. */
export function text(expects: string) {
  return leaf(z.string().regex(/\S/), expects);
}

/** A path below the project folder, with `/`; "." is the project folder itself. */
export function pathInside(expects: string) {
  return leaf(z.string().regex(PATH_INSIDE), expects);
}

/** No leading `/`, no drive, no backslash, no `..` step, no control characters. */
export const PATH_INSIDE =
  // oxlint-disable-next-line no-control-regex
  /^(?![/~])(?![A-Za-z]:)(?!.*(^|\/)\.\.(\/|$))[^\\\u0000-\u001f]+$/;

/** Numbers and booleans are taken as their text. */
export function textual(expects: string) {
  return leaf(z.union([z.string(), z.number(), z.boolean()]), expects).transform(String);
}
