// Makes a fresh clone ready: packages when they are missing or not those of the lock file, dist/ when it is
// missing or older than its sources. Says nothing when there is nothing to do.
// Plain JavaScript without packages: it runs before anything is installed.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const at = (...parts) => join(root, ...parts);

requireNode();
if (packagesAreStale()) {
  run(process.platform === "win32" ? "npm.cmd" : "npm", ["ci", "--no-audit", "--no-fund"], "npm ci");
}
if (distIsStale()) run(process.execPath, [at("src", "build.mjs")], "node src/build.mjs");

function requireNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  process.stderr.write(`Node 20.19 or newer is needed; this is ${process.versions.node}.\n`);
  process.exit(1);
}

/** By content, not by time: a checkout touches files that it does not change. */
function packagesAreStale() {
  // npm writes this file last, so a killed installation leaves none or an old one.
  const installedLock = at("node_modules", ".package-lock.json");
  if (!existsSync(installedLock)) return true;
  const installed = readJson(installedLock).packages;
  return Object.entries(readJson(at("package-lock.json")).packages).some(
    ([path, { version, optional }]) => path !== "" && !optional && installed[path]?.version !== version,
  );
}

function distIsStale() {
  // src/build.mjs copies package.json last, so a killed build leaves none.
  const built = at("dist", "package.json");
  if (!existsSync(built)) return true;
  const sources = [at("package.json"), at("tsconfig.json"), ...filesBelow(at("src"))];
  return Math.max(...sources.map(mtime)) > mtime(built);
}

function filesBelow(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
}

function readJson(path) {
  return JSON.parse(readFileSync(path, "utf8"));
}

function mtime(path) {
  return existsSync(path) ? statSync(path).mtimeMs : 0;
}

function run(command, args, title) {
  process.stderr.write(`setup: ${title}\n`);
  const result = spawnSync(command, args, { cwd: root, encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
  if (result.status === 0) return;
  process.stderr.write(`${result.stdout ?? ""}${result.stderr ?? ""}${result.error?.message ?? ""}\n`);
  process.stderr.write(`setup: ${title} failed\n`);
  process.exit(result.status ?? 1);
}
