import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { configJsonSchema } from "./config-json-schema.ts";

/** Beside the project's other derived files: found without network, wherever Purlin is installed. */
export const CONFIG_SCHEMA_FILE = ".purlin/config.schema.json";

/** The first line of a config.yaml that `init` writes; editors read it. */
export const CONFIG_SCHEMA_LINE = `# yaml-language-server: $schema=./${CONFIG_SCHEMA_FILE}`;

/** Writes the schema where config.yaml points to it, unless it is there. A fresh clone has none until its first build. */
export async function writeConfigSchema(projectDir: string): Promise<void> {
  const file = join(projectDir, CONFIG_SCHEMA_FILE);
  const text = `${JSON.stringify(configJsonSchema(), null, 2)}\n`;
  if ((await readFile(file, "utf8").catch(() => null)) === text) return;
  await mkdir(dirname(file), { recursive: true });
  const fresh = `${file}.${process.pid}`;
  await writeFile(fresh, text);
  await rename(fresh, file);
}
