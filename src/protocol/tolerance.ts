/** Allowed distance where an example says `approx` and nothing more: a thousandth, of the number where it is above 1. */
export const DEFAULT_APPROX = 0.001;

/** How far numbers may be from those that are expected; what is absent allows nothing. */
export interface Tolerance {
  /** Of the expected number where it is above 1, else as it is. */
  approx?: number | undefined;
  /** As it is, whatever the number. */
  within?: number | undefined;
  /** Of two vectors: 1 less the cosine of the angle between them. */
  cosine?: number | undefined;
}

/** `{approx: VALUE}`, with `within` or `cosine` where they are given: VALUE, whose numbers may be off by that. */
export interface ApproxMark {
  value: unknown;
  tolerance: Tolerance;
}

const MARK_KEYS: readonly string[] = ["approx", "within", "cosine"];

/** Null where the expected value is no mark; `outer` is the tolerance around it. */
export function readApproxMark(expected: unknown, outer: Tolerance): ApproxMark | null {
  if (!isApproxMark(expected) || markFault(expected) !== null) return null;
  const { approx, within, cosine } = expected;
  if (within === undefined && cosine === undefined) {
    return { value: approx, tolerance: { ...outer, approx: outer.approx ?? DEFAULT_APPROX } };
  }
  return { value: approx, tolerance: { within: within as number, cosine: cosine as number } };
}

/** Its keys say so; whether its values hold is for `markFault` to tell. */
export function isApproxMark(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return Object.hasOwn(value, "approx") && Object.keys(value).every((key) => MARK_KEYS.includes(key));
}

/** Which key of a mark is wrong, and how; null where none is. */
export function markFault({ approx, within, cosine }: Record<string, unknown>): [string, string] | null {
  if (within !== undefined && !isDistance(within, Infinity))
    return ["within", "must be a number above 0: how far the numbers may be off"];
  if (cosine !== undefined && !isDistance(cosine, 2))
    return ["cosine", "must be a number above 0, at most 2: how far the vectors may be apart"];
  if (!holdsNumber(approx)) return ["approx", "holds no number that could be near another"];
  return null;
}

function isDistance(value: unknown, most: number): boolean {
  return typeof value === "number" && value > 0 && value <= most;
}

function holdsNumber(value: unknown): boolean {
  if (typeof value === "number") return true;
  return typeof value === "object" && value !== null && Object.values(value).some(holdsNumber);
}

export function isNear(actual: number, expected: number, { approx, within }: Tolerance): boolean {
  if (actual === expected) return true;
  const allowed = Math.max(within ?? 0, (approx ?? 0) * Math.max(1, Math.abs(expected)));
  return Math.abs(actual - expected) <= allowed;
}
