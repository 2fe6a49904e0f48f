import { readFileSync } from "node:fs";
import { AppError } from "../../errors.ts";

/** NAME=value a line, as in a .env file, or one JSON object of texts. Throws AppError INPUT_INVALID. */
export function readSecrets(file: string): Record<string, string> {
  let text: string;
  try {
    text = readFileSync(file === "-" ? 0 : file, "utf8");
  } catch (error) {
    throw new AppError(
      "INPUT_INVALID",
      `The secrets in ${file} cannot be read: ${(error as Error).message}`,
      { cause: error },
    );
  }
  return text.trimStart().startsWith("{") ? fromJson(text, file) : fromLines(text, file);
}

function fromJson(text: string, file: string): Record<string, string> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new AppError("INPUT_INVALID", `${file} is not valid JSON.`, { cause: error });
  }
  const entries = Object.entries(value as Record<string, unknown>);
  const wrong = entries.find(([, each]) => typeof each !== "string");
  if (wrong !== undefined)
    throw new AppError("INPUT_INVALID", `The secret ${wrong[0]} in ${file} is no text.`);
  return Object.fromEntries(entries) as Record<string, string>;
}

function fromLines(text: string, file: string): Record<string, string> {
  const secrets: Record<string, string> = {};
  for (const [at, line] of text.split(/\r?\n/).entries()) {
    if (/^\s*(#|$)/.test(line)) continue;
    const [, name, raw] = /^\s*(?:export\s+)?([\w.-]+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (name === undefined || raw === undefined) {
      // The line itself may hold a secret: it is not shown.
      throw new AppError("INPUT_INVALID", `Line ${at + 1} of ${file} is not NAME=value.`);
    }
    const quoted = /^(["'])(.*)\1$/s.exec(raw);
    secrets[name] = quoted ? (quoted[2] as string) : raw;
  }
  return secrets;
}
