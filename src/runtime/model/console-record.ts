import { format, formatWithOptions } from "node:util";
import { isPlainObject, plainFields, type Fields } from "./plain-fields.ts";
import { describeThrown } from "./user-error.ts";

/** Only strings with one of these hand the other arguments to a place in the text. */
const DIRECTIVE = /%[sdifjoOc]/;

/**
 * What one call of console.* says: a text, and as fields what was an object. An Error gives its message to the text
 * and its stack, mapped to the user's sources, to the field of that name.
 */
export function consoleRecord(args: unknown[]): { message: string; fields: Fields } {
  const [first] = args;
  if (typeof first === "string" && DIRECTIVE.test(first)) return { message: format(...args), fields: {} };
  const text: string[] = [];
  const objects: Record<string, unknown>[] = [];
  let stack: string | undefined;
  for (const arg of args) {
    if (isPlainObject(arg)) objects.push(arg);
    else if (isError(arg)) {
      const told = describeThrown(arg);
      text.push(told.message);
      stack ??= told.stack;
    } else text.push(typeof arg === "string" ? arg : inspected(arg));
  }
  const fields = plainFields(objects);
  if (stack !== undefined) fields["stack"] = stack;
  return { message: text.length === 0 ? objects.map(inspected).join(" ") : text.join(" "), fields };
}

/** Long arrays, deep objects and long strings within them are told in part. */
function inspected(value: unknown): string {
  try {
    return formatWithOptions({ depth: 4, maxStringLength: 4000 }, value);
  } catch {
    // Its own inspect function, a getter or a trap throws.
    return `a ${typeof value} that cannot be looked at`;
  }
}

function isError(value: unknown): value is Error {
  try {
    return value instanceof Error;
  } catch {
    return false;
  }
}
