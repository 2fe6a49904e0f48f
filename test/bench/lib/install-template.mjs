/** `npm install` in a project that has dependencies; false where that does not work here. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { timeCommand } from "./command.mjs";

export async function installTemplate(project) {
  const file = join(project, "package.json");
  if (!existsSync(file)) return true;
  const { dependencies = {} } = JSON.parse(readFileSync(file, "utf8"));
  if (Object.keys(dependencies).length === 0) return true;
  try {
    await timeCommand("npm", ["install", "--omit=dev", "--prefer-offline", "--no-audit", "--no-fund"], {
      cwd: project,
    });
    return true;
  } catch (error) {
    console.error(error.message);
    return false;
  }
}
