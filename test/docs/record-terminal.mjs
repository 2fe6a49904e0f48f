// Draws .github/terminal.svg from a real run of the quickstart: node test/docs/record-terminal.mjs
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { terminalSvg } from "./terminal-svg.mjs";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const WIDTH = 104;

const { stdout, status } = spawnSync(process.execPath, ["test/quickstart.mjs"], {
  cwd: ROOT,
  encoding: "utf8",
});
if (status !== 0) throw new Error(`the quickstart ended with ${status}:\n${stdout}`);

/** Some of what it says is of no interest in a picture: file lists, warnings of npm. */
const SKIPPED = [
  /^ {2}[\w.-]+(\/[\w.-]+)*$/,
  /^(Next:|added \d+|bundling|packing|loading|running)/,
  /^ {2}(cd|npm|purlin)\b/,
];
const lines = stdout
  .split("\n")
  .filter((line) => !SKIPPED.some((pattern) => pattern.test(line)))
  .join("\n")
  .replace(/\n{3,}/g, "\n\n")
  .trim()
  .split("\n")
  .map((line) => (line.length > WIDTH ? `${line.slice(0, WIDTH - 1)}…` : line));

const colour = (line) =>
  line.startsWith("$ ")
    ? "#7ee0ff"
    : /^(✔|live|ok|built|verified|the new code)/.test(line)
      ? "#8be28b"
      : "#d6dae3";
writeFileSync(
  `${ROOT}.github/terminal.svg`,
  terminalSvg(lines.map((text) => [{ text, fill: colour(text) }])),
);
