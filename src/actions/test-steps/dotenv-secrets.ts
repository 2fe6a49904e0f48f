import { readFile } from "node:fs/promises";
import { parseEnv } from "node:util";

/** Values in a .env file (absolute path) of the secrets that are declared: they must never be printed. */
export async function dotenvSecrets(file: string, names: readonly string[]): Promise<string[]> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch {
    return [];
  }
  const values = parseEnv(text);
  return names.flatMap((name) => values[name] ?? []);
}
