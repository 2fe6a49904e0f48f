import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { RUNTIME_ENV, secretEnvName } from "../../protocol/runtime-env.ts";

/** Values that the secrets declared may have, wherever they come from: they must never be printed or written. */
export async function secretValues(dotenv: string, names: readonly string[]): Promise<string[]> {
  if (names.length === 0) return [];
  const values = parseEnv((await readOptional(dotenv)) ?? "");
  const folder = process.env[RUNTIME_ENV.secretsDir] ?? "/secrets";
  const files = await Promise.all(names.map((name) => readOptional(join(folder, name))));
  return names
    .flatMap((name, index) =>
      [
        values[name] ?? [],
        process.env[secretEnvName(name)] ?? [],
        files[index]?.replace(/\r?\n$/, "") ?? [],
      ].flat(),
    )
    .filter((value) => value !== "");
}

async function readOptional(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch {
    return undefined;
  }
}
