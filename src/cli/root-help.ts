import type { CommandEntry } from "./command-table.ts";
import { GLOBAL_OPTIONS } from "./global-flags.ts";
import { formatTable } from "./report/format.ts";

/**
 * `purlin --help`, without the command-line parser: loading that takes longer than printing this page.
 * Help on one command is the parser's.
 */
export function rootHelp(commands: readonly CommandEntry[]): string {
  const options = [...GLOBAL_OPTIONS, { flags: "-h, --help", description: "print this help" }];
  const rows = [
    ...commands.map(({ name, summary }) => [name, summary]),
    ...options.map(({ flags, description }) => [flags, description]),
  ];
  const lines = formatTable(rows).map((line) => `  ${line}`);
  return [
    "Usage: purlin <command> [options]",
    "",
    "Put TypeScript models into production.",
    "",
    "Commands:",
    ...lines.slice(0, commands.length),
    "",
    "Options:",
    ...lines.slice(commands.length),
    "",
    "More about a command: purlin <command> --help",
    "",
  ].join("\n");
}

/** Whether a line is about no command: help was asked for, or nothing was. */
export function readRootLine(argv: readonly string[]): "help" | "nothing" | null {
  const known = new Set(GLOBAL_OPTIONS.flatMap(({ flags }) => flags.split(", ")));
  const rest = argv.filter((word) => !known.has(word));
  if (rest.length === 0) return "nothing";
  return rest.every((word) => ["--help", "-h", "help"].includes(word)) ? "help" : null;
}
