import type { Reporter } from "../events.ts";
import type { Io } from "./io.ts";
import type { Style } from "./report/style.ts";

/** A command as data: program.ts turns it into a parser, run.ts carries it out and prints what it returns. */
export interface CommandDefinition<Options = Record<string, unknown>> {
  /** As typed: "build". */
  name: string;
  /** One line, for the list of commands. */
  summary: string;
  /** What one needs to know before using it, for its own help page. */
  description?: string;
  arguments?: readonly ArgumentDefinition[];
  options?: readonly OptionDefinition[];
  /** Command lines worth copying, for the help page. */
  examples?: readonly string[];
  subcommands?: readonly CommandDefinition<never>[];
  /**
   * Runs until it is stopped: with --json its events are NDJSON on stdout, and it handles the stop signal itself.
   * A function where a flag decides.
   */
  long?: boolean | ((options: Options) => boolean);
  run?: (input: CommandInput<Options>, context: CommandContext) => Promise<Output | undefined>;
}

export interface ArgumentDefinition {
  /** "[dir]" where it may be left out, "<name>" where not. */
  name: string;
  description: string;
}

export interface OptionDefinition {
  /** "-p, --port <port>": letters, name, value. */
  flags: string;
  description: string;
  default?: string | number | boolean;
  /** Throws where the text is not valid; see parse-values.ts. `previous` is the value so far of one that is repeated. */
  parse?: (text: string, previous?: unknown) => unknown;
  choices?: readonly string[];
  /** The environment variable that is the default. */
  env?: string;
}

export interface CommandInput<Options> {
  /** Positional arguments in order; undefined where left out. */
  args: (string | undefined)[];
  options: Options;
}

/** What a command prints: data for --json, text for people. */
export interface Output {
  json: unknown;
  /** Without a line feed at its end; nothing is printed where it is missing. */
  text?: string | ((style: Style) => string);
  /** 0 unless told otherwise. */
  exitCode?: number;
}

export interface CommandContext {
  /** Absolute. */
  cwd: string;
  env: Io["env"];
  stdin: Io["stdin"];
  isTTY: Io["isTTY"];
  json: boolean;
  quiet: boolean;
  verbose: boolean;
  report: Reporter;
  signal: AbortSignal;
  style: Style;
  /**
   * Writes to stdout and waits until it has room again. Text is masked, bytes are not. Throws CancelledError
   * where nobody reads any more.
   */
  write(chunk: string | Uint8Array): Promise<void>;
  /** A question on stderr, without a line feed; see ask.ts. */
  prompt(text: string): void;
  /** Values that must never be printed. */
  addSecrets(values: Iterable<string>): void;
}

/** An identity function: it is there for the types. */
export function defineCommand<Options>(definition: CommandDefinition<Options>): CommandDefinition<Options> {
  return definition;
}
