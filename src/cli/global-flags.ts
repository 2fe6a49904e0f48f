import type { OptionDefinition } from "./define-command.ts";

/** Flags that every command takes, anywhere on the line. */
export interface GlobalFlags {
  json: boolean;
  quiet: boolean;
  verbose: boolean;
  color: boolean;
  version: boolean;
}

export const GLOBAL_OPTIONS: readonly OptionDefinition[] = [
  { flags: "--json", description: "print the result as JSON on stdout, errors too" },
  { flags: "-q, --quiet", description: "print results and errors only" },
  { flags: "--no-color", description: "print without colours" },
  { flags: "--verbose", description: "print more, stacks of errors included" },
  { flags: "--version", description: "print the version" },
];

/**
 * Read before the line is parsed: an error in parsing it must already come out as JSON, and without colour.
 */
export function readGlobalFlags(argv: readonly string[]): GlobalFlags {
  const end = argv.indexOf("--");
  const words = new Set(end === -1 ? argv : argv.slice(0, end));
  return {
    json: words.has("--json"),
    quiet: words.has("--quiet") || words.has("-q"),
    verbose: words.has("--verbose"),
    color: !words.has("--no-color"),
    version: words.has("--version"),
  };
}
