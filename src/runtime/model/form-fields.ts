import { methodRow } from "../../protocol/methods.ts";

/**
 * The fields of a form as the method's protocol has them, where it has forms: every part of a form is a text, numbers
 * and truth values among them, and a list is a field whose name ends in `[]`.
 */
export function readFormFields(method: number, input: unknown): unknown {
  const form = methodRow(method)?.form;
  if (form === undefined || typeof input !== "object" || input === null) return input;
  const fields: Record<string, unknown> = {};
  for (const [field, value] of Object.entries(input)) {
    const isList = field.endsWith("[]");
    const name = isList ? field.slice(0, -2) : field;
    const read = isList ? [value].flat() : scalar(value, form, name);
    // A field may have any name, __proto__ too.
    Object.defineProperty(fields, name, {
      value: read,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return fields;
}

type Form = { numbers: readonly string[]; booleans: readonly string[] };

function scalar(value: unknown, form: Form, name: string): unknown {
  if (typeof value !== "string") return value;
  if (form.booleans.includes(name) && /^(true|false)$/i.test(value)) return value.toLowerCase() === "true";
  // What is no number stays as it is, for the model's own checks to tell.
  const isNumber = form.numbers.includes(name) && value.trim() !== "" && Number.isFinite(Number(value));
  return isNumber ? Number(value) : value;
}
