import { Argument, Command, CommanderError, Option } from "commander";
import { UsageError } from "../errors.ts";
import type { CommandEntry } from "./command-table.ts";
import type { CommandDefinition, CommandInput, OptionDefinition } from "./define-command.ts";
import { GLOBAL_OPTIONS } from "./global-flags.ts";
import type { Io } from "./io.ts";

export type ParsedLine =
  | { kind: "help"; text: string; asked: boolean }
  | { kind: "run"; command: CommandDefinition<never>; input: CommandInput<never> };

/** Reads a command line; loads the module of the command that it names and no other. Throws UsageError. */
export async function parseLine(
  argv: readonly string[],
  io: Pick<Io, "env" | "stdout">,
  commands: readonly CommandEntry[],
): Promise<ParsedLine> {
  const help = { asked: "", given: "" };
  const root = new Command("purlin")
    .helpOption("-h, --help", "print this help")
    .configureOutput({
      writeOut: (text) => (help.asked += text),
      writeErr: (text) => (help.given += text),
      outputError() {},
    })
    .configureHelp({ helpWidth: Math.min(io.stdout.columns || 100, 110) })
    .exitOverride();
  addOptions(root, GLOBAL_OPTIONS);

  const around: Surroundings = { root, env: io.env };
  const typed = typedCommand(argv);
  for (const entry of commands) {
    root.addCommand(entry.name === typed ? commandFrom(await entry.load(), around) : stub(entry));
  }

  try {
    await root.parseAsync(argv, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Help that was not asked for comes by writeErr.
    if (help.asked || help.given)
      return { kind: "help", text: help.asked || help.given, asked: help.asked !== "" };
    throw usageError(error, commands.some(({ name }) => name === typed) ? `purlin ${typed}` : "purlin");
  }
  // Not reached: the line names no command, and root-help.ts has seen to those.
  return around.line ?? { kind: "help", text: root.helpInformation(), asked: false };
}

interface Surroundings {
  root: Command;
  env: Io["env"];
  /** Set by the action of the command that was typed. */
  line?: ParsedLine;
}

/** The first word that is no flag; no global flag takes a value. `help build` means build. */
function typedCommand(argv: readonly string[]): string | undefined {
  const words = argv.filter((word) => !word.startsWith("-"));
  return words[0] === "help" ? words[1] : words[0];
}

function stub(entry: CommandEntry): Command {
  return new Command(entry.name).summary(entry.summary);
}

function commandFrom(definition: CommandDefinition<never>, around: Surroundings): Command {
  const command = new Command(definition.name).copyInheritedSettings(around.root);
  command.summary(definition.summary);
  command.description(unwrapped(definition.description ?? sentence(definition.summary)));
  for (const { name, description } of definition.arguments ?? []) {
    command.addArgument(new Argument(name, description));
  }
  addOptions(command, definition.options ?? []);
  addOptions(command, GLOBAL_OPTIONS);
  for (const sub of definition.subcommands ?? []) command.addCommand(commandFrom(sub, around));
  if (definition.examples) {
    command.addHelpText(
      "after",
      ["", "Examples:", ...definition.examples.map((line) => `  ${line}`)].join("\n"),
    );
  }
  if (definition.run) {
    const count = definition.arguments?.length ?? 0;
    command.action((...given: unknown[]) => {
      applyEnvironment(command, definition.options ?? [], around.env);
      const args = given.slice(0, count) as (string | undefined)[];
      around.line = {
        kind: "run",
        command: definition,
        input: { args, options: ownOptions(command) as never },
      };
    });
  }
  return command;
}

/** Without the flags that every command has: the shell has seen to those. */
function ownOptions(command: Command): Record<string, unknown> {
  const options = command.opts<Record<string, unknown>>();
  for (const option of GLOBAL_OPTIONS) delete options[optionFrom(option).attributeName()];
  return options;
}

function addOptions(command: Command, options: readonly OptionDefinition[]): void {
  for (const option of options) command.addOption(optionFrom(option));
}

/** Lines are broken where the terminal ends, not where the source does. */
function unwrapped(text: string): string {
  return text.replaceAll(/(\S)\n(?=\S)/g, "$1 ");
}

function optionFrom({ flags, description, ...rest }: OptionDefinition): Option {
  const option = new Option(
    flags,
    rest.env ? `${description} (or ${rest.env} in the environment)` : description,
  );
  if (rest.default !== undefined) option.default(rest.default);
  if (rest.choices) option.choices([...rest.choices]);
  const { parse } = rest;
  if (parse) option.argParser((text, previous) => parse(text, previous));
  return option;
}

/** Not commander's own `env()`: it reads process.env, and a test hands in another. */
function applyEnvironment(command: Command, options: readonly OptionDefinition[], env: Io["env"]): void {
  for (const definition of options) {
    const text = definition.env ? env[definition.env] : undefined;
    if (!definition.env || !text) continue;
    const name = optionFrom(definition).attributeName();
    if (command.getOptionValueSource(name) === "cli") continue;
    try {
      command.setOptionValueWithSource(name, definition.parse ? definition.parse(text) : text, "env");
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new UsageError(`${definition.env}=${text} in the environment is not valid. ${reason}`);
    }
  }
}

function usageError(error: CommanderError, path: string): UsageError {
  const [first = "", ...rest] = error.message.replace(/^error: /, "").split("\n");
  const suggestion = /\(Did you mean (.+)\?\)/.exec(rest.join("\n"))?.[1];
  const page = `${path} --help`;
  const message = sentence(first);
  return new UsageError(message, suggestion ? `Did you mean ${suggestion}? See ${page}.` : `See ${page}.`);
}

function sentence(text: string): string {
  const upper = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(upper) ? upper : `${upper}.`;
}
