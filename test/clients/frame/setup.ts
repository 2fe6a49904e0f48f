// Installs the pinned clients: each part once, into the cache, and only what the chosen rows need.
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { cached } from "./cache.ts";
import { PINS } from "./pins.ts";
import { mustRun, runProgram } from "./run-program.ts";

/** npm's package of Node's binary for this machine. */
const NODE_PACKAGE = `node-${process.platform === "win32" ? "win" : process.platform}-${process.arch}`;

/** A folder with `node_modules`, and a Node of its own: the newest clients do not run on every Node that Purlin does. */
export async function npmClients(): Promise<string> {
  return cached("npm", PINS.npm, async (dir) => {
    const { node = "", ...clients } = PINS.npm;
    const dependencies = { [NODE_PACKAGE]: node, ...clients };
    await writeFile(
      join(dir, "package.json"),
      JSON.stringify({ private: true, type: "module", dependencies }),
    );
    const flags = ["--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error", "--legacy-peer-deps"];
    await mustRun(["npm", "install", ...flags, "--ignore-scripts"], { cwd: dir });
  });
}

/** The Node that runs rows in JavaScript. */
export async function clientsNode(): Promise<string> {
  return join(await npmClients(), "node_modules", NODE_PACKAGE, "bin/node");
}

/** The Python of one of the virtual environments. */
export async function pythonClients(name: string): Promise<string> {
  const packages = PINS.python[name];
  if (!packages) throw new Error(`test/clients/pins.json has no Python environment "${name}"`);
  const version = await mustRun(["python3", "--version"]);
  const dir = await cached(`python-${name}`, [packages, version], async (folder) => {
    await mustRun(["python3", "-m", "venv", folder]);
    const wanted = Object.entries(packages).map(([each, pin]) => `${each}==${pin}`);
    const python = join(folder, "bin/python");
    await mustRun([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", ...wanted]);
  });
  return join(dir, "bin/python");
}

/** A Go module that requires the pinned packages, all of them downloaded. */
export async function goClients(): Promise<string> {
  const version = await mustRun(["go", "version"]);
  return cached("go", [PINS.go, version], async (dir) => {
    await mustRun(["go", "mod", "init", "clients"], { cwd: dir });
    const wanted = Object.entries(PINS.go).map(([path, pin]) => `${path}@${pin}`);
    await mustRun(["go", "get", ...wanted], { cwd: dir });
    // Compiled here, so that the rows only compile themselves.
    const imports = Object.keys(PINS.go).map((path) => `import _ "${path}"`);
    await mkdir(join(dir, "all"));
    await writeFile(join(dir, "all/main.go"), `package main\n\n${imports.join("\n")}\n\nfunc main() {}\n`);
    await mustRun(["go", "mod", "tidy"], { cwd: dir });
    await mustRun(["go", "build", "-o", "all/all", "./all"], { cwd: dir });
  });
}

/** Those of these programs that are not here. Debian's are installed where that is allowed and possible. */
export async function missingPrograms(programs: readonly string[]): Promise<string[]> {
  const wanted = programs.filter((each) => !onPath(each) && PINS.apt[each]);
  if (wanted.length > 0 && process.getuid?.() === 0 && onPath("apt-get")) {
    const packages = wanted.map((each) => PINS.apt[each] ?? each);
    process.stdout.write(`setup: apt-get install ${packages.join(" ")}\n`);
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    const install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", ...packages];
    const { code } = await runProgram(install, { env, minutes: 10 });
    if (code !== 0) {
      await runProgram(["apt-get", "update", "-qq"], { env, minutes: 5 });
      await runProgram(install, { env, minutes: 10 });
    }
  }
  return programs.filter((each) => !onPath(each));
}

function onPath(program: string): boolean {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/sbin"];
  return folders.some((folder) => folder !== "" && existsSync(join(folder, program)));
}
