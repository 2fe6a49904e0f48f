/** Fields of a log record: what JSON can hold. */
export type Fields = Record<string, unknown>;

const MAX_DEPTH = 5;
const MAX_VALUES = 500;
const MAX_KEYS = 100;
const MAX_STRING = 2000;
/** Together they may be that long; half a record would be none. */
const MAX_CHARS = 16_000;

/** The record's own, and those that the runtime adds. */
const RESERVED = new Set([
  "time",
  "level",
  "message",
  "stack",
  "request_id",
  "request_ids",
  "trace_id",
  "span_id",
  "worker",
  "__proto__",
]);

/**
 * The objects' entries as fields of a log record. Bounded in depth, number and length; cycles, getters that throw and
 * values that JSON has no word for are told of instead of followed. A reserved name gets an underscore behind it.
 */
export function plainFields(objects: Record<string, unknown>[]): Fields {
  const fields: Fields = {};
  const budget = { values: MAX_VALUES, chars: MAX_CHARS };
  for (const object of objects) {
    for (const [key, value] of Object.entries(plainObject(object, budget, []))) {
      fields[RESERVED.has(key) ? `${key}_` : key] = value;
    }
  }
  return fields;
}

/** Written as `{}` or made by JSON, so that its entries are all there is to it. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  try {
    const prototype: unknown = Object.getPrototypeOf(value);
    return prototype === Object.prototype || prototype === null;
  } catch {
    return false;
  }
}

interface Budget {
  values: number;
  chars: number;
}

function plain(value: unknown, budget: Budget, above: object[]): unknown {
  budget.values -= 1;
  if (budget.values < 0 || budget.chars < 0) return "…";
  switch (typeof value) {
    case "string":
      return bounded(value, budget);
    case "number":
      budget.chars -= 8;
      return Number.isFinite(value) ? value : String(value);
    case "bigint":
      return bounded(String(value), budget);
    case "boolean":
    case "undefined":
      return value;
    case "function":
    case "symbol":
      return `[${typeof value}]`;
    default:
      return value === null ? null : plainOf(value as object, budget, above);
  }
}

function plainOf(value: object, budget: Budget, above: object[]): unknown {
  if (above.includes(value)) return "[circular]";
  if (above.length >= MAX_DEPTH) return Array.isArray(value) ? `[${value.length} items]` : "[object]";
  const path = [...above, value];
  if (Array.isArray(value)) {
    const items = value.slice(0, MAX_KEYS).map((item) => plain(item, budget, path));
    if (value.length > MAX_KEYS) items.push(`… ${value.length - MAX_KEYS} more`);
    return items;
  }
  if (value instanceof Error) return bounded(`${value.name}: ${value.message}`, budget);
  if (ArrayBuffer.isView(value))
    return `[${value.constructor.name} of ${(value as Uint8Array).length ?? value.byteLength}]`;
  if (value instanceof Map) return plainObject(Object.fromEntries(value), budget, path);
  if (value instanceof Set) return plain([...value], budget, path);
  const { toJSON } = value as { toJSON?: unknown };
  if (typeof toJSON === "function") return plain(toJSON.call(value, ""), budget, path);
  return plainObject(value as Record<string, unknown>, budget, path);
}

function plainObject(object: Record<string, unknown>, budget: Budget, above: object[]): Fields {
  const path = above.at(-1) === object ? above : [...above, object];
  // As JSON has them: a key may be "__proto__".
  const out: Fields = Object.create(null) as Fields;
  const keys = Object.keys(object);
  for (const key of keys.slice(0, MAX_KEYS)) {
    budget.chars -= key.length;
    if (budget.values < 0 || budget.chars < 0) break;
    try {
      out[bounded(key, budget)] = plain(object[key], budget, path);
    } catch {
      out[key] = "[threw]";
    }
  }
  const told = Object.keys(out).length;
  if (told < keys.length) out["…"] = `${keys.length - told} more`;
  return out;
}

function bounded(text: string, budget: Budget): string {
  const kept = Math.max(0, Math.min(MAX_STRING, budget.chars));
  budget.chars -= Math.min(kept, text.length);
  return text.length <= kept ? text : `${text.slice(0, kept)}… (${text.length} characters)`;
}
