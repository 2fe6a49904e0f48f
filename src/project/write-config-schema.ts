import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { configJsonSchema } from "./config-json-schema.ts";

/** Beside the project's other derived files: found without network, wherever Purlin is installed. */
export const CONFIG_SCHEMA_FILE = ".purlin/config.schema.json";

/** The first line of a config.yaml that `init` writes; editors read it. */
export const CONFIG_SCHEMA_LINE = `# yaml-language-server: $schema=./${CONFIG_SCHEMA_FILE}`;

/**
 * Writes the schema for a config.yaml that points to it, right or wrong as the rest of the file may be: a clone has
 * none, since git ignores .purlin/. A folder that cannot be written to stays as it is; only an editor misses it.
 */
export async function placeConfigSchema(projectDir: string): Promise<void> {
  const text = await readFile(join(projectDir, "config.yaml"), "utf8").catch(() => "");
  if (text.includes(CONFIG_SCHEMA_FILE)) await writeConfigSchema(projectDir).catch(() => {});
}

/** Writes the schema unless it is there. */
export async function writeConfigSchema(projectDir: string): Promise<void> {
  const file = join(projectDir, CONFIG_SCHEMA_FILE);
  const text = `${JSON.stringify(configJsonSchema(), null, 2)}\n`;
  if ((await readFile(file, "utf8").catch(() => null)) === text) return;
  await mkdir(dirname(file), { recursive: true });
  const fresh = `${file}.${process.pid}`;
  await writeFile(fresh, text);
  await rename(fresh, file);
}
