import { CancelledError, UsageError } from "../errors.ts";
import { COMMANDS, type CommandEntry } from "./command-table.ts";
import type { CommandContext, CommandDefinition, CommandInput, Output } from "./define-command.ts";
import { type GlobalFlags, readGlobalFlags } from "./global-flags.ts";
import type { Io } from "./io.ts";
import { createRedactor, type Redactor, secretsOfEnvironment } from "./redactor.ts";
import type { CliReporter } from "./report/cli-reporter.ts";
import { readRootLine, rootHelp } from "./root-help.ts";
import { VERSION } from "./version.ts";

/** How long a command that was told to stop may take to clean up. */
const CLEAN_UP_MS = 1500;

interface Shell {
  io: Io;
  flags: GlobalFlags;
  redactor: Redactor;
}

/** Carries out one command line and returns its exit code. Never throws, never exits, prints only through `io`. */
export async function run(
  argv: readonly string[],
  io: Io,
  commands: readonly CommandEntry[] = COMMANDS,
): Promise<number> {
  const flags = readGlobalFlags(argv);
  const shell: Shell = { io, flags, redactor: createRedactor() };
  shell.redactor.add(secretsOfEnvironment(io.env));
  try {
    if (flags.version) {
      io.stdout.write(flags.json ? `${JSON.stringify({ version: VERSION })}\n` : `${VERSION}\n`);
      return 0;
    }
    const rootLine = readRootLine(argv);
    if (rootLine === "help") {
      io.stdout.write(rootHelp(commands));
      return 0;
    }
    if (rootLine === "nothing") {
      if (flags.json) throw new UsageError("No command was given.", "See purlin --help.");
      io.stderr.write(rootHelp(commands));
      return 2;
    }
    const { parseLine } = await import("./program.ts");
    const line = await parseLine(argv, io, commands);
    if (line.kind === "run") return await runCommand(line.command, line.input, shell);
    // Help that nobody asked for: a command with subcommands of which none was named.
    if (!line.asked && flags.json) throw new UsageError("No subcommand was given.", "See --help.");
    (line.asked ? io.stdout : io.stderr).write(line.text);
    return line.asked ? 0 : 2;
  } catch (error) {
    return await fail(error, shell);
  }
}

async function runCommand(
  command: CommandDefinition<never>,
  input: CommandInput<never>,
  shell: Shell,
): Promise<number> {
  const { io, flags, redactor } = shell;
  const long = typeof command.long === "function" ? command.long(input.options) : command.long === true;
  const [{ loadStyle }, { isScreen, wantsColour }] = await Promise.all([
    import("./report/style.ts"),
    import("./terminal.ts"),
  ]);
  const style = await loadStyle(wantsColour(io, "stdout", flags));
  const report = await createReporter(shell, long && flags.json);
  const context: CommandContext = {
    cwd: io.cwd,
    env: io.env,
    stdin: io.stdin,
    isTTY: { stdin: io.isTTY.stdin, stdout: isScreen(io, "stdout"), stderr: isScreen(io, "stderr") },
    json: flags.json,
    quiet: flags.quiet,
    verbose: flags.verbose,
    report,
    signal: io.signal,
    style,
    addSecrets: (values) => redactor.add(values),
    prompt(text) {
      report.settle();
      io.stderr.write(text);
    },
    async write(chunk) {
      report.settle();
      if (io.stdout.broken) throw new CancelledError("SIGPIPE");
      const hasRoom = io.stdout.write(typeof chunk === "string" ? redactor.redact(chunk) : chunk);
      if (!hasRoom) await io.stdout.drained();
    },
  };
  try {
    const work = command.run?.(input, context) ?? Promise.resolve(undefined);
    const output = await (long ? work : orStopped(work, io.signal));
    if (output) await printOutput(output, context);
    return output?.exitCode ?? 0;
  } finally {
    report.settle();
  }
}

async function printOutput(output: Output, context: CommandContext): Promise<void> {
  if (context.json) return context.write(`${JSON.stringify(output.json)}\n`);
  const text = typeof output.text === "function" ? output.text(context.style) : output.text;
  if (text !== undefined && text !== "") await context.write(`${text}\n`);
}

async function createReporter({ io, flags, redactor }: Shell, ndjson: boolean): Promise<CliReporter> {
  if (ndjson) {
    const { createJsonReporter } = await import("./report/json.ts");
    return createJsonReporter((json) => void io.stdout.write(`${redactor.redact(json)}\n`));
  }
  const [{ createHumanReporter }, { loadStyle }, { isScreen, wantsColour }] = await Promise.all([
    import("./report/human.ts"),
    import("./report/style.ts"),
    import("./terminal.ts"),
  ]);
  const human = createHumanReporter({
    write: (text) => void io.stderr.write(redactor.redact(text)),
    style: await loadStyle(wantsColour(io, "stderr", flags)),
    verbose: flags.verbose,
    screen: isScreen(io, "stderr") && !flags.quiet,
    columns: io.stderr.columns,
  });
  if (!flags.quiet) return human;
  const { createSilentReporter } = await import("./report/silent.ts");
  return createSilentReporter(human);
}

/** The work, or the reason to stop once it has had time to clean up. */
async function orStopped<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  let onAbort = (): void => {};
  const stopped = new Promise<never>((_resolve, reject) => {
    onAbort = () => {
      timer = setTimeout(() => reject(stopReason(signal)), CLEAN_UP_MS);
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
  });
  try {
    return await Promise.race([work, stopped]);
  } catch (error) {
    // Whatever broke because it was stopped: that it was stopped is the news.
    throw signal.aborted ? stopReason(signal) : error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
  }
}

function stopReason(signal: AbortSignal): CancelledError {
  return signal.reason instanceof CancelledError ? signal.reason : new CancelledError();
}

async function fail(thrown: unknown, { io, flags, redactor }: Shell): Promise<number> {
  const [
    { renderError },
    { errorJson },
    { exitCodeOf },
    { explainSystemError },
    { loadStyle },
    { wantsColour },
  ] = await Promise.all([
    import("./render-error.ts"),
    import("./error-json.ts"),
    import("./exit-code.ts"),
    import("./explain-system-error.ts"),
    import("./report/style.ts"),
    import("./terminal.ts"),
  ]);
  const error = explainSystemError(thrown);
  if (flags.json) io.stdout.write(`${redactor.redact(JSON.stringify(errorJson(error)))}\n`);
  const quietStop = error instanceof CancelledError && (flags.quiet || error.signal === "SIGPIPE");
  if (!quietStop && !(flags.json && error instanceof CancelledError)) {
    const style = await loadStyle(wantsColour(io, "stderr", flags));
    io.stderr.write(`${redactor.redact(renderError(error, { style, verbose: flags.verbose }))}\n`);
  }
  return exitCodeOf(error);
}
