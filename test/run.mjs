// Runs one suite of tests: node test/run.mjs unit | e2e | load | faults | soak [--minutes N] [part of a path ...]
// --minutes is how long the soak goes on; without it, ten.
// Node 20's own runner expands no globs and does not read TypeScript, hence the list and tsx.
import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const root = fileURLToPath(new URL("..", import.meta.url));
const { values, positionals } = parseArgs({
  options: { minutes: { type: "string" } },
  allowPositionals: true,
});
const [suite = "unit", ...filters] = positionals;
const SUITES = {
  unit: { inSuite: (file) => !/^test\/(e2e|load|faults|soak)\//.test(file), concurrency: 2, minutes: 3 },
  e2e: { inSuite: (file) => file.startsWith("test/e2e/"), concurrency: 1, minutes: 10 },
  load: { inSuite: (file) => file.startsWith("test/load/"), concurrency: 1, minutes: 30 },
  faults: { inSuite: (file) => file.startsWith("test/faults/"), concurrency: 1, minutes: 30 },
  soak: { inSuite: (file) => file.startsWith("test/soak/"), concurrency: 1, minutes: 30 },
};

const chosen = SUITES[suite];
if (!chosen) {
  process.stderr.write(`There is no suite "${suite}": ${Object.keys(SUITES).join(", ")}.\n`);
  process.exit(2);
}

const files = readdirSync(join(root, "test"), { recursive: true })
  .map((path) => `test/${path.replaceAll("\\", "/")}`)
  .filter((path) => path.endsWith(".test.ts") && !path.startsWith("test/fixtures/") && chosen.inSuite(path))
  .filter((path) => filters.length === 0 || filters.some((filter) => path.includes(filter)))
  .sort();
if (files.length === 0) finish({ pass: 0, fail: 0 }, 1);

const reporters = ["--test-reporter=spec", "--test-reporter-destination=stdout"];
const summary = ["--test-reporter=tap", "--test-reporter-destination=stderr"];
const child = spawn(
  process.execPath,
  [
    "--import",
    "tsx",
    "--test",
    `--test-concurrency=${chosen.concurrency}`,
    // For one file: a test that hangs is a failure, not a wait.
    `--test-timeout=${chosen.minutes * 60_000}`,
    ...reporters,
    ...summary,
    ...files,
  ],
  { cwd: root, stdio: ["ignore", "inherit", "pipe"], env: environment() },
);
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));

let tail = "";
child.stderr.setEncoding("utf8");
child.stderr.on("data", (text) => {
  tail = (tail + text).slice(-4096);
});
child.on("close", (code, signal) => {
  const counts = { pass: countOf("pass"), fail: countOf("fail") + countOf("cancelled") };
  // A run that was cut short has no counts at its end: never a success, and stderr says why.
  if (counts.pass + counts.fail === 0) process.stderr.write(tail);
  finish(counts, code ?? (signal ? 1 : 0));
});

function environment() {
  const soak = values.minutes === undefined ? {} : { PURLIN_SOAK_MINUTES: values.minutes };
  return { ...process.env, ...soak, FORCE_COLOR: undefined };
}

/** The closing lines of TAP: "# pass 12". */
function countOf(what) {
  const match = [...tail.matchAll(new RegExp(`^# ${what} (\\d+)$`, "gm"))].at(-1);
  return match ? Number(match[1]) : 0;
}

function finish({ pass, fail }, code) {
  const failed = fail > 0 || pass === 0 || code !== 0;
  process.stdout.write(`${pass} passed, ${fail || (failed ? 1 : 0)} failed\n`);
  process.exit(failed ? 1 : 0);
}
