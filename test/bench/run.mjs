/**
 * npm run bench [-- --only http,stream] [--quick] [--json FILE] [--rounds N] [--check]
 *
 * Every figure is a ratio to a yardstick measured in the same run, round by round in turn. --quick: fewer and
 * shorter slices. --check: exit 1 when a target is missed. --self: the yardstick takes our place, so that every
 * ratio must be 1; this measures the harness.
 */
import { writeFileSync } from "node:fs";
import { cpus, release } from "node:os";
import { parseArgs } from "node:util";
import { killAll } from "./lib/children.mjs";
import { createContext } from "./lib/context.mjs";
import { waitForTurn } from "./lib/one-at-a-time.mjs";
import { printSection } from "./lib/report.mjs";

const SECTIONS = [
  "http",
  "stream",
  "compute",
  "workers",
  "batching",
  "tracing",
  "binary",
  "validation",
  "start",
  "memory",
  "cli",
  "build",
  "pack",
  "watch",
  "host",
  "push",
];

const { values: options } = parseArgs({
  options: {
    only: { type: "string" },
    quick: { type: "boolean", default: false },
    json: { type: "string" },
    rounds: { type: "string" },
    check: { type: "boolean", default: false },
    self: { type: "boolean", default: false },
  },
});
const chosen = options.only?.split(",") ?? SECTIONS;
const unknown = chosen.filter((name) => !SECTIONS.includes(name));
if (unknown.length > 0) {
  console.error(`There is no section ${unknown.join(", ")}. Sections: ${SECTIONS.join(", ")}.`);
  process.exit(2);
}

const machine = {
  cpus: cpus().length,
  model: cpus()[0]?.model ?? "",
  kernel: release(),
  node: process.version,
};
console.log(`Node ${machine.node}, ${machine.cpus} x ${machine.model}, Linux ${machine.kernel}`);
await waitForTurn();
const started = performance.now();
const context = createContext(options);
const results = [];
let failed = false;
try {
  for (const name of chosen) {
    const section = await import(`./sections/${name}.mjs`);
    try {
      const rows = await section.run(context);
      results.push({ section: name, title: section.title, rows });
      printSection(section.title, rows);
    } catch (error) {
      failed = true;
      console.error(`\n${section.title}\nfailed: ${error.stack}`);
    }
  }
} finally {
  await context.close();
  killAll();
}

const rows = results.flatMap((result) => result.rows).filter((line) => line.verdict !== "");
const missed = rows.filter((line) => line.verdict.startsWith("MISSED"));
const seconds = Math.round((performance.now() - started) / 1000);
console.log(
  `\n${rows.length - missed.length} of ${rows.length} targets reached in ${seconds} s. "~": the target lies within the spread.`,
);
if (options.json !== undefined)
  writeFileSync(options.json, `${JSON.stringify({ machine, seconds, results }, null, 2)}\n`);
process.exitCode = failed || (options.check && missed.length > 0) ? 1 : 0;
