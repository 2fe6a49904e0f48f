import { readFileSync } from "node:fs";

const ROOT = new URL("../../", import.meta.url);

/** The text of README.md (`name` "README.md") or of a page of docs/ ("guides/deploy.md"). */
export function readDoc(name: string): string {
  return readFileSync(new URL(name === "README.md" ? name : `docs/${name}`, ROOT), "utf8");
}

/** The first code block with this info string ("ts", "ts client.ts", "yaml"). */
export function codeBlock(text: string, info: string): string {
  const [, rest] = text.split(`\`\`\`${info}\n`);
  if (rest === undefined) throw new Error(`The page has no block "${info}".`);
  return rest.split("```")[0] as string;
}

/** Every line of every shell block, as a reader types it. */
export function commandsIn(text: string): string[] {
  return [...text.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap(([, block = ""]) => block.trim().split("\n"));
}

/** The text below a heading, up to the next heading of the same level. */
export function section(text: string, title: string, level = 2): string {
  const mark = "#".repeat(level);
  const [, after = ""] = text.split(new RegExp(`^${mark} ${title}$`, "m"));
  return after.split(new RegExp(`^${mark} `, "m"))[0] ?? "";
}
