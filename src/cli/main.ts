import { constants } from "node:os";
import { isatty } from "node:tty";
import { CancelledError } from "../errors.ts";
import type { Io } from "./io.ts";
import { run } from "./run.ts";
import { streamSink } from "./stream-sink.ts";

const STOP_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** The command line of this process; the only place where it is ended. */
export async function main(argv: readonly string[]): Promise<never> {
  const stop = new AbortController();
  for (const signal of STOP_SIGNALS) process.on(signal, () => onStopSignal(signal, stop));
  const stdout = streamSink(process.stdout, (error) => {
    // `purlin ... | head -1` is no fault. What streams ends with its next piece; what serves goes on.
    if (error.code === "EPIPE") return;
    process.stderr.write(`error stdout cannot be written to: ${error.message}\n`);
    process.exit(1);
  });
  const stderr = streamSink(process.stderr, () => {});
  const io: Io = {
    // A getter: the stream is opened only by a command that reads it.
    get stdin() {
      return process.stdin;
    },
    stdout,
    stderr,
    env: process.env,
    cwd: currentFolder(),
    isTTY: { stdin: isatty(0), stdout: isatty(1), stderr: isatty(2) },
    signal: stop.signal,
  };
  const code = await run(argv, io);
  await Promise.all([stdout.flushed(), stderr.flushed()]);
  // Not left to the event loop: an open keep-alive connection would hold the process for seconds.
  process.exit(code);
}

/** The first one asks politely, the second one insists. */
function onStopSignal(signal: NodeJS.Signals, stop: AbortController): void {
  if (stop.signal.aborted) process.exit(128 + constants.signals[signal]);
  stop.abort(new CancelledError(signal));
}

/** Also where the folder has been deleted under the shell: the command then says what it misses there. */
function currentFolder(): string {
  try {
    return process.cwd();
  } catch {
    return process.env["PWD"] ?? "/";
  }
}
