import { SECRET_ENV_PREFIX } from "../protocol/runtime-env.ts";

const LEAST_CHARACTERS = 4;

/** Masks secret values in whatever is about to be printed. */
export interface Redactor {
  add(values: Iterable<string>): void;
  redact(text: string): string;
}

export function createRedactor(): Redactor {
  const known = new Set<string>();
  let pattern: RegExp | null = null;
  return {
    add(values) {
      for (const value of values) {
        if (value.length < LEAST_CHARACTERS) continue;
        known.add(value);
        // As it stands inside a JSON string.
        known.add(JSON.stringify(value).slice(1, -1));
      }
      // The longest first: a secret may begin with another one.
      const longestFirst = [...known].sort((a, b) => b.length - a.length);
      pattern = longestFirst.length === 0 ? null : new RegExp(longestFirst.map(escape).join("|"), "g");
    },
    redact: (text) => (pattern ? text.replace(pattern, "***") : text),
  };
}

/** Values of the environment that are secrets by their name. */
export function secretsOfEnvironment(env: Readonly<Record<string, string | undefined>>): string[] {
  return Object.entries(env).flatMap(([name, value]) =>
    value && (name.startsWith(SECRET_ENV_PREFIX) || name === "PURLIN_API_KEY") ? [value, value.trim()] : [],
  );
}

function escape(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
}
