/** Other versions of Node, from the npm package `node`: once from the registry, then from a folder of the user. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, join } from "node:path";

/** The floor and every line that is supported or newer; each is run by `npm run test:nodes`. */
export const NODE_VERSIONS = ["20.19", "22", "24", "26"];

/** The path of a Node binary of this version ("24", "20.19", "22.23.3"). Throws where it cannot be had. */
export function nodeBinary(version) {
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "purlin/nodes");
  const dir = join(cache, version);
  if (!existsSync(dir)) install(version, cache, dir);
  return binaryIn(dir);
}

/** The environment in which children, npx, npm and packed packages find this Node before any other one. */
export function environmentOf(binary, env = process.env) {
  return {
    ...env,
    PATH: `${dirname(binary)}${delimiter}${env.PATH ?? ""}`,
    // npm tells its scripts which Node runs them; here that would be the one that has started this program.
    NODE: binary,
    npm_node_execpath: binary,
  };
}

/** Without install scripts, which npm may be told not to run: the package for this platform is named instead. */
function install(version, cache, dir) {
  mkdirSync(cache, { recursive: true });
  const making = mkdtempSync(join(cache, "making-"));
  try {
    writeFileSync(join(making, "package.json"), JSON.stringify({ private: true }));
    npmInstall(making, `node@${version}`);
    const exact = readJson(join(making, "node_modules/node/package.json")).version;
    npmInstall(making, `${platformPackage()}@${exact}`);
    binaryIn(making);
    // Whole or not at all: an interrupted installation leaves no folder of that name.
    if (!existsSync(dir)) renameSync(making, dir);
  } catch (error) {
    throw new Error(`Node ${version} cannot be installed here: ${error.stderr || error.message}`, {
      cause: error,
    });
  } finally {
    rmSync(making, { recursive: true, force: true });
  }
}

function npmInstall(cwd, spec) {
  const npm = process.platform === "win32" ? "npm.cmd" : "npm";
  const flags = ["--ignore-scripts", "--save-exact", "--prefer-offline", "--no-audit", "--no-fund"];
  execFileSync(npm, ["install", spec, ...flags], {
    cwd,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
}

/** The names that the install script of the package `node` knows. */
function platformPackage() {
  const platform = process.platform === "win32" ? "win" : process.platform;
  const prefix = platform === "darwin" && process.arch === "arm64" ? "node-bin" : "node";
  return `${prefix}-${platform}-${process.arch}`;
}

function binaryIn(dir) {
  const folder = join(dir, "node_modules", platformPackage());
  return join(folder, readJson(join(folder, "package.json")).bin.node);
}

function readJson(path) {
  return JSON.parse(readFileSync(path, "utf8"));
}
