const MOST_CHARACTERS = 100;

/** A caller's value in the text of an error: short, and whatever it is. */
export function shown(value: unknown): string {
  const text = json(value);
  return text.length <= MOST_CHARACTERS ? text : `${text.slice(0, MOST_CHARACTERS)}…`;
}

function json(value: unknown): string {
  try {
    return (
      JSON.stringify(value, (_key, item: unknown) => (typeof item === "bigint" ? String(item) : item)) ??
      "nothing"
    );
  } catch {
    // Nested deeper than the stack goes.
    return Array.isArray(value) ? "a list" : "an object";
  }
}
