import { readFileSync } from "node:fs";
import { join } from "node:path";
import { RUNTIME_ENV, secretEnvName } from "../../protocol/runtime-env.ts";

/**
 * Where secret values come from, first wins: a file in the secrets folder, the environment, the project's .env.
 * Nothing is kept: a rotated value is seen at the next read.
 */
export function readSecret(name: string, env: NodeJS.ProcessEnv): string | undefined {
  return fromFile(name, env) ?? env[secretEnvName(name)] ?? fromDotenv(name, env);
}

/** Where a person would set it, for messages. */
export function secretHelp(name: string): string {
  return `set PURLIN_SECRET_${name.toUpperCase().replace(/[^A-Z0-9]/g, "_")}, put ${name}=... into .env beside config.yaml, or mount a file /secrets/${name}`;
}

function fromFile(name: string, env: NodeJS.ProcessEnv): string | undefined {
  const text = readOptional(join(env[RUNTIME_ENV.secretsDir] ?? "/secrets", name));
  // Editors and `echo` end a file with a line feed that is not part of the value.
  return text?.replace(/\r?\n$/, "");
}

function fromDotenv(name: string, env: NodeJS.ProcessEnv): string | undefined {
  const file = env[RUNTIME_ENV.dotenv];
  const text = file === undefined ? undefined : readOptional(file);
  if (text === undefined) return undefined;
  for (const line of text.split(/\r?\n/)) {
    const match = /^\s*(?:export\s+)?([\w.-]+)\s*=\s*(.*?)\s*$/.exec(line);
    if (match === null || match[1] !== name) continue;
    return unquote(match[2] as string);
  }
  return undefined;
}

function unquote(value: string): string {
  if (value.startsWith("'") && value.endsWith("'") && value.length > 1) return value.slice(1, -1);
  if (value.startsWith('"') && value.endsWith('"') && value.length > 1) {
    return value
      .slice(1, -1)
      .replace(/\\n/g, "\n")
      .replace(/\\(["\\])/g, "$1");
  }
  return value.replace(/\s+#.*$/, "");
}

function readOptional(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ENOTDIR" || code === "EISDIR" || code === "EACCES") return undefined;
    throw error;
  }
}
