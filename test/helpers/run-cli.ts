import { Readable } from "node:stream";
import type { CommandEntry } from "../../src/cli/command-table.ts";
import type { Io, Sink } from "../../src/cli/io.ts";
import { run } from "../../src/cli/run.ts";

export interface RunCliOptions {
  cwd?: string;
  env?: Record<string, string | undefined>;
  input?: string | Uint8Array;
  /** Streams that look like a terminal; none. */
  tty?: Partial<Io["isTTY"]>;
  signal?: AbortSignal;
  commands?: readonly CommandEntry[];
  /** Called with each piece as it is printed. */
  onStdout?: (chunk: string | Uint8Array) => void;
}

export interface CliRun {
  code: number;
  stdout: string;
  stderr: string;
  stdoutBytes: Buffer;
  /** stdout as one JSON value; throws where it is none. */
  json(): unknown;
  /** stdout as one JSON value a line. */
  jsonLines(): unknown[];
}

/** A command line carried out within this process, from the sources. */
export async function runCli(argv: readonly string[], options: RunCliOptions = {}): Promise<CliRun> {
  const stdout = collector(options.onStdout);
  const stderr = collector();
  const code = await run(
    argv,
    {
      stdin: Readable.from(options.input === undefined ? [] : [Buffer.from(options.input)]),
      stdout,
      stderr,
      env: options.env ?? {},
      cwd: options.cwd ?? "/",
      isTTY: { stdin: false, stdout: false, stderr: false, ...options.tty },
      signal: options.signal ?? new AbortController().signal,
    },
    ...(options.commands ? [options.commands] : []),
  );
  const text = stdout.bytes().toString("utf8");
  return {
    code,
    stdout: text,
    stderr: stderr.bytes().toString("utf8"),
    stdoutBytes: stdout.bytes(),
    json: () => JSON.parse(text) as unknown,
    jsonLines: () =>
      text
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line) as unknown),
  };
}

function collector(onChunk?: (chunk: string | Uint8Array) => void): Sink & { bytes(): Buffer } {
  const chunks: Buffer[] = [];
  return {
    write(chunk) {
      chunks.push(Buffer.from(chunk));
      onChunk?.(chunk);
      return true;
    },
    drained: () => Promise.resolve(),
    broken: false,
    bytes: () => Buffer.concat(chunks),
  };
}
