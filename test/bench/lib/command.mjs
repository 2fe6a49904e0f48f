/** One run of a command, from spawn to exit. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { startChild } from "./children.mjs";

export const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
export const PURLIN = `${ROOT}bin/purlin.js`;

/**
 * Milliseconds of wall time and seconds of CPU, grandchildren included. Throws with its output when it fails.
 * No other child may end meanwhile: Linux reports the CPU of ended children in one sum.
 */
export async function timeCommand(file, args, { cwd = ROOT, env = process.env } = {}) {
  const cpuBefore = endedChildrenCpu();
  const started = performance.now();
  const child = startChild(file, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  const output = [];
  child.stdout.on("data", (data) => output.push(data));
  child.stderr.on("data", (data) => output.push(data));
  const [code] = await once(child, "exit");
  const ms = performance.now() - started;
  if (code !== 0) {
    throw new Error(`${args.join(" ")} ended with ${code}: ${Buffer.concat(output).toString().slice(-1000)}`);
  }
  return { ms, cpu: endedChildrenCpu() - cpuBefore, output: Buffer.concat(output).toString() };
}

export const runNode = (args, options) => timeCommand(process.execPath, args, options);
export const runPurlin = (args, options) => runNode([PURLIN, ...args], options);

/** cutime + cstime: the CPU of children that have been waited for, and of theirs. */
function endedChildrenCpu() {
  const stat = readFileSync("/proc/self/stat", "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[13]) + Number(fields[14])) / 100;
}
