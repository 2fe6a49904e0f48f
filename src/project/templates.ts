import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "../errors.ts";
import { nearest } from "../util/nearest.ts";

/** Beside the files of a template, and not one of them. */
export const TEMPLATE_FILE = "template.json";

export interface Template {
  name: string;
  description: string;
  /** Place in the list; 1 is first. */
  order: number;
  /** Absolute. */
  dir: string;
}

/** The folders of `templatesDir` that hold a template.json, in their order. */
export async function listTemplates(templatesDir: string): Promise<Template[]> {
  const entries = await readdir(templatesDir, { withFileTypes: true });
  const templates = await Promise.all(
    entries.filter((entry) => entry.isDirectory()).map(({ name }) => readTemplate(join(templatesDir, name))),
  );
  return templates
    .filter((template) => template !== null)
    .sort((left, right) => left.order - right.order || left.name.localeCompare(right.name));
}

/** Throws AppError TEMPLATE_UNKNOWN, naming those that there are. */
export async function findTemplate(templatesDir: string, name: string): Promise<Template> {
  const templates = await listTemplates(templatesDir);
  const template = templates.find((one) => one.name === name);
  if (template) return template;
  const names = templates.map((one) => one.name);
  const meant = nearest(name, names);
  throw new AppError("TEMPLATE_UNKNOWN", `There is no template ${JSON.stringify(name)}.`, {
    hint: `${meant === undefined ? "" : `Did you mean ${meant}? `}Templates: ${names.join(", ")}.`,
    data: { templates: names },
  });
}

async function readTemplate(dir: string): Promise<Template | null> {
  const text = await readFile(join(dir, TEMPLATE_FILE), "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return null;
    throw error;
  });
  if (text === null) return null;
  const { name, description, order } = JSON.parse(text) as Omit<Template, "dir">;
  return { name, description, order, dir };
}
