/** A program that is measured against but no dependency of ours: from the registry once, then from a folder of the user. */
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { timeCommand } from "./command.mjs";

/** The folder in which `node_modules/<name>` is; null, with a word on stderr, where it cannot be had. */
export async function cachedPackage(name, version) {
  const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "purlin/bench");
  const dir = join(cache, `${name}-${version}`);
  if (existsSync(dir)) return dir;
  mkdirSync(cache, { recursive: true });
  const making = mkdtempSync(join(cache, "making-"));
  try {
    writeFileSync(join(making, "package.json"), JSON.stringify({ private: true }));
    const flags = ["--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund", "--fetch-retries=0"];
    await timeCommand("npm", ["install", `${name}@${version}`, "--save-exact", ...flags], { cwd: making });
    // Whole or not at all: an interrupted installation leaves no folder of that name.
    renameSync(making, dir);
    return dir;
  } catch (error) {
    console.error(`${name} ${version} cannot be installed here: ${error.message}`);
    return null;
  } finally {
    rmSync(making, { recursive: true, force: true });
  }
}
