/**
 * npm run test:nodes [-- --node 24,26] [--suite unit,e2e,... [part of a path ...]]
 *
 * Runs the core (core.mjs) on each other supported Node, or each suite that is named, narrowed by parts of paths.
 * Packages and dist/ are shared: their native parts are N-API. The Nodes are kept in the user's cache folder.
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { CORE } from "./core.mjs";
import { environmentOf, NODE_VERSIONS, nodeBinary } from "./node-binary.mjs";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const { values, positionals } = parseArgs({
  options: { node: { type: "string" }, suite: { type: "string" } },
  allowPositionals: true,
});
const versions = values.node?.split(",") ?? NODE_VERSIONS.filter((version) => !isOwn(version));
const named = values.suite?.split(",").map((suite) => [suite, positionals]);
const suites = named ? Object.fromEntries(named) : CORE;

const total = { passed: 0, failed: 0 };
const lines = [];
for (const version of versions) {
  for (const [suite, paths] of Object.entries(suites))
    count(version, suite, await onNode(version, suite, paths));
}
process.stdout.write(`\n${lines.join("\n")}\n${total.passed} passed, ${total.failed} failed\n`);
process.exitCode = total.failed > 0 ? 1 : 0;

/** The machine's own Node runs everything anyway. */
function isOwn(version) {
  return version.split(".")[0] === process.versions.node.split(".")[0];
}

/** What one suite says at its end, on a Node that every child of it finds, too. */
async function onNode(version, suite, paths) {
  try {
    const binary = nodeBinary(version);
    const running = execFileSync(binary, ["--version"], { encoding: "utf8" }).trim();
    process.stdout.write(`== Node ${running}: ${suite} ${paths.join(" ")}\n`);
    const child = spawn(binary, ["test/run.mjs", suite, ...paths], {
      cwd: ROOT,
      env: environmentOf(binary),
      stdio: ["ignore", "pipe", "inherit"],
    });
    const stop = (signal) => child.kill(signal);
    for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, stop);
    let tail = "";
    child.stdout.setEncoding("utf8").on("data", (text) => {
      process.stdout.write(text);
      tail = (tail + text).slice(-4096);
    });
    const [code] = await once(child, "close");
    for (const signal of ["SIGINT", "SIGTERM"]) process.off(signal, stop);
    return countsOf(tail, code);
  } catch (error) {
    process.stdout.write(`${error.message}\n`);
    return { passed: 0, failed: 1 };
  }
}

/** A suite that ends badly without a count is a failure; one that was stopped is not a success. */
function countsOf(tail, code) {
  const [, passed = "0", failed = "0"] = /^(\d+) passed, (\d+) failed$/m.exec(tail) ?? [];
  return { passed: Number(passed), failed: Number(failed) || (code === 0 ? 0 : 1) };
}

function count(version, suite, { passed, failed }) {
  total.passed += passed;
  total.failed += failed;
  lines.push(`Node ${version}, ${suite}: ${passed} passed, ${failed} failed`);
}
